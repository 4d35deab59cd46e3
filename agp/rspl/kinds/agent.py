"""Agents: a policy in code, bound to a prompt, tools, sub-agents, a memory, an environment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agp.errors import InputError, ResourceError
from agp.rspl.confined.policies import ConfinedPolicy
from agp.rspl.confined.refused import refuse_module
from agp.rspl.entities import EntityType, JsonObject, Record, ResourceId, check_name
from agp.rspl.kinds.actions import Action, Context, json_object
from agp.rspl.kinds.base import COMMON, Folder, Kind, Outcome, Part, construct, take
from agp.rspl.kinds.prompt import prompt_record

_FRONT: JsonObject = {
    **COMMON,
    "model": "solver",
    "tools": [],
    "agents": [],
    "memory": "",
    "environment": "",
    "template": "{{input}}",
    "demonstrations": [],
    "policy": {},
}
BINDINGS = {
    "params/prompt": EntityType.PROMPT,
    "params/prompts": EntityType.PROMPT,
    "params/tools": EntityType.TOOL,
    "params/agents": EntityType.AGENT,
    "params/memory": EntityType.MEMORY,
    "params/environment": EntityType.ENVIRONMENT,
}
"""The parts of an agent's record that bind it to others, and to what."""
_INPUT: JsonObject = {"type": "string", "description": "The task, with all that is needed for it."}
_OPTIONAL: JsonObject = {"type": "string"}
_NAMED: JsonObject = {"type": "string", "minLength": 1}
_LISTED: JsonObject = {"type": "array", "items": _NAMED, "uniqueItems": True}
_FILES: JsonObject = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "description": "Texts that come with the task, by file name.",
}


class AgentRunner(ABC):
    """What an agent needs to run: a model, a view, a place for its traces. Given by context."""

    @abstractmethod
    async def run(self, agent: ResourceId, task: str, files: Mapping[str, str] | None) -> str:
        """The agent's answer; ``files`` None for those of the task under way.

        Raises AgpError, in words for a model too, where the agent fails; ModelError.
        """


def _named(name: str) -> str:
    try:
        return check_name(name)
    except InputError as error:
        raise ValueError(error.message) from error


_Name = Annotated[str, AfterValidator(_named)]
_Optional = Annotated[str, AfterValidator(lambda name: _named(name) if name else name)]


class Bindings(BaseModel):
    """What an agent is made of, by name: its parameters, checked.

    ``prompts`` are further ones that its policy uses beside ``prompt``; ``memory`` and
    ``environment`` are empty where there is none; ``model`` is a role of the settings; ``policy``
    what its policy is constructed with.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    prompt: _Name
    prompts: list[_Name] = []
    tools: list[_Name]
    agents: list[_Name] = []  # records from before there were sub-agents have no such field
    memory: _Optional
    environment: _Optional
    model: str = Field(min_length=1)
    policy: JsonObject

    @property
    def all_prompts(self) -> list[str]:
        """Every prompt it is bound to, the main one first."""
        return [self.prompt, *self.prompts]

    @classmethod
    def of(cls, record: Record) -> Bindings:
        """Those of an agent's record. Raises ResourceError naming the field that is wrong."""
        try:
            return cls.model_validate(record.params)
        except ValidationError as error:
            fault = error.errors()[0]
            field = ".".join(map(str, ("params", *fault["loc"])))
            raise ResourceError(
                f"{record.id}: field {field!r}: {fault['msg'].removeprefix('Value error, ')}.",
                hint="An agent is bound to a prompt, tools, agents, a memory and an environment by "
                "name ('' for no memory), has a model's role and a mapping of policy settings.",
            ) from error


class _Given(BaseModel):
    """What `AgentKind.run` takes."""

    model_config = ConfigDict(extra="forbid", strict=True)

    input: str = Field(min_length=1)
    files: dict[str, str] | None = None


class AgentKind(Kind):
    """An `AGENT.md` (front matter, system prompt) and a `policy.py` that defines `class Policy`.

    The folder declares two resources of one name: the agent, and the prompt it is bound to.
    """

    type = EntityType.AGENT
    folder = "agents"
    manifest = "AGENT.md"
    code_file = "policy.py"
    entry = "Policy"

    def from_folder(self, folder: Folder) -> list[Record]:
        """The agent and its prompt."""
        front = take(folder.front, _FRONT, folder.where)
        params: JsonObject = {
            "prompt": folder.name,
            "tools": front["tools"],
            "agents": front["agents"],
            "memory": front["memory"],
            "environment": front["environment"],
            "model": front["model"],
            "policy": front["policy"],
        }
        about: JsonObject = {**front, "tags": []}
        about["description"] = f"System prompt of the agent {folder.name}."
        body = self.record(folder, front, params).body()
        schemas: JsonObject = {
            "input_schema": {
                "type": "object",
                "properties": {"input": _INPUT, "files": _FILES},
                "required": ["input"],
            },
            "output_schema": {"type": "string"},
        }
        return [prompt_record(folder, about), Record.model_validate({**body, **schemas})]

    def parts(self, record: Record) -> list[Part]:
        """Settings of the policy, the model's role and the bindings, beside what every record has.

        The limits among the settings are no variables: see `agp.rspl.kinds.limits`.
        """
        bound = [
            Part(
                "params/policy",
                "json",
                "settings of the policy",
                schema={"type": "object"},
                settings=True,
            ),
            Part("params/model", "json", "role of the model that it asks", schema=_NAMED),
            Part("params/prompt", "json", "the prompt it works with, by name", schema=_NAMED),
            Part("params/prompts", "json", "more prompts that it uses, by name", schema=_LISTED),
            Part("params/tools", "json", "the tools it may call, by name", schema=_LISTED),
            Part("params/agents", "json", "the agents it may ask, by name", schema=_LISTED),
            Part("params/memory", "json", "its memory, by name; empty for none", schema=_OPTIONAL),
            Part("params/environment", "json", "its environment, by name", schema=_OPTIONAL),
        ]
        return [*super().parts(record), *bound]

    def validate(self, record: Record) -> None:
        """Bindings are names, each given once, and the policy can be built."""
        bound = Bindings.of(record)
        for field, names in (
            ("prompts", bound.all_prompts),
            ("tools", bound.tools),
            ("agents", bound.agents),
        ):
            if twice := [name for i, name in enumerate(names) if name in names[:i]]:
                raise ResourceError(
                    f"{record.id}: field 'params.{field}' names {twice[0]!r} more than once.",
                    hint="Name it once.",
                )
        super().validate(record)

    def dependencies(self, record: Record) -> list[ResourceId]:
        """Prompts, tools, sub-agents, memory, environment, in this order. Raises ResourceError."""
        bound = Bindings.of(record)
        used = [
            (EntityType.PROMPT, bound.all_prompts),
            (EntityType.TOOL, bound.tools),
            (EntityType.AGENT, bound.agents),
            (EntityType.MEMORY, [bound.memory]),
            (EntityType.ENVIRONMENT, [bound.environment]),
        ]
        return [ResourceId(type_, name) for type_, names in used for name in names if name]

    def build(self, record: Record) -> Any:
        """The policy, constructed with its settings; confined where no person wrote it."""
        settings = Bindings.of(record).policy
        if self.trusts(record):
            return construct(record, settings, "policy settings")
        if record.implementation.kind == "import":
            return refuse_module(record)
        return ConfinedPolicy(record, settings)

    def actions(self, record: Record) -> list[Action]:
        """One: to be given a task. A sub-agent sees the files of the task it is called in."""
        schema = {"type": "object", "properties": {"input": _INPUT}, "required": ["input"]}
        return [Action(record.name, record.description, schema)]

    async def run(
        self, record: Record, instance: Any, given: JsonObject, context: Context
    ) -> Outcome:
        """The answer, as text, to ``{"input": task}``, with ``files`` if there are any.

        Raises ValueError for another input, ResourceError where the context has no AgentRunner.
        """
        runner = context.get(AgentRunner)
        if runner is None:
            raise ResourceError(
                f"{record.id} needs a model.", hint="Run it from a project, which has one."
            )
        try:
            task = _Given.model_validate(json_object(given))
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            raise ValueError(f"{where}: {fault['msg']}") from error
        return Outcome(await runner.run(record.id, task.input, task.files))
