"""``agp.runtime`` as a confined policy sees it: plain data, and the host's answers to questions.

Every call of a model or a tool goes to the host, which checks, charges and traces it.
"""

# pyright: basic, reportMissingImports=false

import re
from typing import NamedTuple

import agp_guest

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_CONTRACT = "{{contract}}"


class Task:
    """The work an agent sees."""

    def __init__(self, input, fields=None, files=None):  # noqa: A002
        self.input = input
        self.fields = dict(fields or {})
        self.files = dict(files or {})


class Answer:
    """The final text, how many steps it took, and why it ended."""

    def __init__(self, text, ended="answered", steps=1, detail=""):
        self.text, self.ended, self.steps, self.detail = text, ended, steps, detail

    @classmethod
    def from_reply(cls, reply, *, steps=1):
        """The answer that a model's last reply is."""
        if not reply.text.strip():
            return cls(text="", ended="empty", steps=steps)
        ended = "cut_off" if reply.finish_reason == "length" else "answered"
        return cls(text=reply.text, ended=ended, steps=steps)

    def data(self):
        """As plain data."""
        return {
            "text": self.text,
            "ended": self.ended,
            "steps": self.steps,
            "detail": self.detail,
        }


class Attempt:
    """An earlier answer to the same task, and what is known of what was wrong with it."""

    def __init__(self, text, feedback):
        self.text, self.feedback = text, feedback


class ToolResult(NamedTuple):
    """What a call gave, as text; or, if it failed, what went wrong."""

    text: str
    failed: bool


class ToolCall:
    """A call that a model asks for."""

    def __init__(self, data):
        self.id, self.name = data["id"], data["name"]
        self.arguments, self.raw = data["arguments"], data["raw"]


class Completion:
    """A model's reply."""

    def __init__(self, data):
        self._data = data
        self.text = data["text"]
        self.finish_reason = data["finish_reason"]
        self.tool_calls = [ToolCall(each) for each in data["tool_calls"]]


class Prompt:
    """The agent's prompt."""

    def __init__(self, data):
        self.system = data["system"]
        self.template = data["template"]
        self.demonstrations = data["demonstrations"]

    def render(self, **fields):
        """The template with its placeholders filled."""
        return _PLACEHOLDER.sub(lambda match: fields[match[1]], self.template)

    @property
    def wants_contract(self):
        """Whether it asks for what the agent can call."""
        return _CONTRACT in self.system or "contract" in _PLACEHOLDER.findall(self.template)

    def messages(self, **fields):
        """The conversation so far: system, demonstrations, the task."""
        messages = []
        system = self.system.strip()
        if "contract" in fields:
            system = system.replace(_CONTRACT, fields["contract"])
        if system:
            messages.append({"role": "system", "content": system})
        for shown in self.demonstrations:
            messages.append({"role": "user", "content": shown["input"]})
            messages.append({"role": "assistant", "content": shown["output"]})
        return [*messages, {"role": "user", "content": self.render(**fields)}]


class ToolBox:
    """What the agent can call."""

    def __init__(self, schemas):
        self.schemas = schemas

    async def call(self, name, arguments, *, raw=""):
        """Call a function. What goes wrong is a result too."""
        reply = agp_guest.ask("tool", name=name, arguments=arguments, raw=raw)
        return ToolResult(reply["text"], reply["failed"])

    async def answer(self, reply):
        """The turns to add after a reply that calls tools: the reply itself, then each result."""
        return agp_guest.ask("answer", reply=reply._data)["turns"]


class Handle:
    """The agent's memory or environment."""

    def __init__(self, id, grant):  # noqa: A002
        self.id, self._grant = id, grant

    async def call(self, action, arguments=None):
        """What the action gives, as plain data."""
        return agp_guest.ask(self._grant, action=action, arguments=arguments or {})["result"]


class AgentRun:
    """One agent at one task."""

    def __init__(self, data):
        self.task = Task(**data["task"])
        self.prompt = Prompt(data["prompt"])
        self.tools = ToolBox(data["schemas"])
        self.earlier = [Attempt(**each) for each in data["earlier"]]
        self.refine = Prompt(data["refine"]) if data["refine"] else None
        self.contract = data["contract"]
        self.memory = Handle(data["memory"], "memory") if data["memory"] else None
        self.environment = (
            Handle(data["environment"], "environment") if data["environment"] else None
        )
        self._messages = data["messages"]

    def messages(self):
        """The conversation that opens the task, with the last attempt, if any."""
        return [dict(message) for message in self._messages]

    async def complete(self, messages, *, draw=0, **settings):
        """Ask the model."""
        return Completion(
            agp_guest.ask("complete", messages=messages, draw=draw, settings=settings)
        )
