"""One agent's run for a policy that is confined: plain data, and its calls as grants.

Every grant ends in the very model, tools and handles that an agent in this process has, so that
each call is checked, charged and traced the same; nothing but JSON crosses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from agp.models.types import Completion, JsonObject, ModelRequest
from agp.rspl.confined.policies import Served
from agp.rspl.kinds.prompt import Prompt
from agp.runtime.types import Answer

if TYPE_CHECKING:
    from agp.runtime.agent_run import AgentRun, Handle
    from agp.sandbox.interface import Grant

_MOST_DRAWS = 1000
_OF_THE_HOST = ("model", "messages", "seed", "repetition", "api_base", "api_key")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Form = TypeVar("Form", bound=_Strict)


class _Complete(_Strict):
    messages: list[dict[str, Any]]
    draw: int = 0
    settings: dict[str, Any] = {}


class _Tool(_Strict):
    name: str
    arguments: dict[str, Any] | None
    raw: str = ""


class _Act(_Strict):
    action: str
    arguments: dict[str, Any] = {}


class _Turns(_Strict):
    reply: dict[str, Any]


def serve(run: AgentRun) -> Served:
    """What confined code may see of a run, and may ask for."""
    data: JsonObject = {
        "task": run.task.model_dump(mode="json"),
        "prompt": _prompt(run.prompt),
        "refine": _prompt(run.refine) if run.refine else None,
        "contract": run.contract,
        "earlier": [{"text": each.text, "feedback": each.feedback} for each in run.earlier],
        "messages": run.messages(),
        "schemas": run.tools.schemas,
        "memory": str(run.memory.id) if run.memory else None,
        "environment": str(run.environment.id) if run.environment else None,
    }
    grants: dict[str, Grant] = {
        "complete": lambda given: _complete(run, given),
        "tool": lambda given: _tool(run, given),
        "answer": lambda given: _answer(run, given),
    }
    handles = {"memory": run.memory, "environment": run.environment}
    for name, handle in handles.items():
        if handle is not None:
            grants[name] = _acting(handle)
    return Served(data, grants)


def read_answer(reply: JsonObject) -> Answer:
    """The answer that a confined policy gave. Raises ValueError for what is none."""
    return Answer.model_validate(reply.get("answer"), strict=True)


def _prompt(prompt: Prompt) -> JsonObject:
    return {
        "system": prompt.system,
        "template": prompt.template,
        "demonstrations": [dict(each) for each in prompt.demonstrations],
    }


async def _complete(run: AgentRun, given: JsonObject) -> JsonObject:
    asked = _checked(_Complete, given)
    if not 0 <= asked.draw < _MOST_DRAWS:
        raise ValueError(f"draw must be from 0 to {_MOST_DRAWS - 1}, not {asked.draw}")
    known = set(ModelRequest.model_fields) - set(_OF_THE_HOST)
    if odd := sorted(set(asked.settings) - known):
        raise ValueError(f"a policy cannot set {odd[0]!r}; it may set: {', '.join(sorted(known))}")
    for message in asked.messages:
        _demand_text(message.get("content"))
    _demand_functions(asked.settings.get("tools", []))
    reply = await run.complete(asked.messages, draw=asked.draw, **asked.settings)
    return reply.model_dump(mode="json")


def _demand_text(content: object) -> None:
    """Raises ValueError for what names a picture or a file: the host would fetch it."""
    if content is None or isinstance(content, str):
        return
    parts = cast("list[object]", content) if isinstance(content, list) else [content]
    for part in parts:
        fields = cast("JsonObject", part) if isinstance(part, dict) else {}
        if fields.get("type") != "text" or set(fields) - {"type", "text"}:
            raise ValueError("a confined policy may send text only")


def _demand_functions(tools: object) -> None:
    """Raises ValueError for a tool that a provider runs itself: no permission would be asked."""
    for tool in cast("list[object]", tools) if isinstance(tools, list) else [tools]:
        fields = cast("JsonObject", tool) if isinstance(tool, dict) else {}
        if fields.get("type") != "function" or set(fields) - {"type", "function"}:
            raise ValueError("a confined policy may offer functions only")


async def _tool(run: AgentRun, given: JsonObject) -> JsonObject:
    asked = _checked(_Tool, given)
    result = await run.tools.call(asked.name, asked.arguments, raw=asked.raw)
    return {"text": result.text, "failed": result.failed}


async def _answer(run: AgentRun, given: JsonObject) -> JsonObject:
    try:
        reply = Completion.model_validate(_checked(_Turns, given).reply)
    except ValidationError as error:
        raise ValueError(f"that is no reply of a model: {error.errors()[0]['msg']}") from error
    return {"turns": await run.tools.answer(reply)}


def _acting(handle: Handle) -> Grant:
    async def act(given: JsonObject) -> JsonObject:
        asked = _checked(_Act, given)
        return {"result": await handle.call(asked.action, asked.arguments)}

    return act


def _checked(form: type[Form], given: JsonObject) -> Form:
    try:
        return form.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error
