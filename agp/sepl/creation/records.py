"""New resources as data, and the records they become. Nothing of them is executed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agp.errors import EditError
from agp.rspl.confined.functions import read_function
from agp.rspl.entities import (
    EntityType,
    Implementation,
    JsonObject,
    Record,
    ResourceId,
    check_name,
)
from agp.rspl.kinds import KINDS, skill
from agp.rspl.kinds.base import Folder
from agp.rspl.kinds.examples import TESTS, Tests, as_data
from agp.rspl.kinds.limits import limits_in
from agp.rspl.kinds.tool import entry_name

RecordOf = Callable[[ResourceId], Record]


class _New(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    description: str = ""


class NewTool(_New):
    """A tool as Python source: one typed function with a docstring, called like the tool.

    Its input schema follows from the signature; ``description`` is the docstring's where it is
    empty; ``tests`` are calls that must come out right, confined, before anything else is tried.
    """

    kind: Literal["tool"] = "tool"
    source: str
    tests: Tests


class NewSkill(_New):
    """A skill: instructions, and files (path → text) that they speak of."""

    kind: Literal["skill"] = "skill"
    instructions: str
    files: dict[str, str] = Field(default_factory=dict[str, str])


class NewPrompt(_New):
    """A prompt."""

    kind: Literal["prompt"] = "prompt"
    system: str = ""
    template: str = "{{input}}"
    demonstrations: list[dict[str, str]] = Field(default_factory=list[dict[str, str]])


class NewAgent(_New):
    """An agent with a prompt of its own and its bindings, by name.

    Its policy is that of the agent ``like`` (with its settings, as far as ``settings`` does not
    replace them; its limits stay), or else ``source``, which defines ``class Policy``. Of what it
    is bound to everything must be new too, or within reach of the agent that it is made for.
    """

    kind: Literal["agent"] = "agent"
    system: str
    template: str = "{{input}}"
    tools: list[str] = Field(default_factory=list[str])
    agents: list[str] = Field(default_factory=list[str])
    memory: str = ""
    environment: str = ""
    model: str = "solver"
    settings: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    like: str = ""
    source: str = ""


New = Annotated[NewTool | NewSkill | NewPrompt | NewAgent, Field(discriminator="kind")]


def type_of(new: NewTool | NewSkill | NewPrompt | NewAgent) -> EntityType:
    """The entity type of a new resource."""
    return EntityType.TOOL if new.kind == "skill" else EntityType(new.kind)


def records_of(new: NewTool | NewSkill | NewPrompt | NewAgent, record_of: RecordOf) -> list[Record]:
    """The records that a new resource becomes: one, for an agent also its prompt.

    Parameters: ``record_of`` reads what there is already (the agent that one is ``like``).
    Raises AgpError for what cannot be one.
    """
    check_name(new.name)
    match new:
        case NewTool():
            return [_tool(new)]
        case NewSkill():
            return [_skill(new)]
        case NewPrompt():
            return [_prompt(new)]
        case NewAgent():
            return _agent(new, record_of)


def _tool(new: NewTool) -> Record:
    file = "tool.py"
    record = Record(
        type=EntityType.TOOL,
        name=new.name,
        metadata={TESTS: as_data([test.model_dump() for test in new.tests], f"tool/{new.name}")},
        implementation=Implementation(
            kind="source", entry=f"{file}:{entry_name(new.name)}", files={file: new.source}
        ),
    )
    function = read_function(record)
    description = new.description.strip() or function.description
    if not description:
        raise EditError(f"{record.id}: the function has no docstring that says what it does.")
    changed = {"description": description, "input_schema": function.schema}
    return Record.read({**record.body(), **changed})


def _skill(new: NewSkill) -> Record:
    front = {"name": new.name, "description": new.description}
    return skill.skill_record(_folder(new, front, new.instructions, files=new.files))


def _prompt(new: NewPrompt) -> Record:
    front: JsonObject = {"description": new.description, "template": new.template}
    front["demonstrations"] = new.demonstrations
    return KINDS[EntityType.PROMPT].from_folder(_folder(new, front, new.system))[0]


def _agent(new: NewAgent, record_of: RecordOf) -> list[Record]:
    if bool(new.like) == bool(new.source):
        raise EditError(f"agent/{new.name}: it needs either 'like' or 'source', and not both.")
    model = record_of(ResourceId.parse(new.like)) if new.like else None
    if model is not None and model.type is not EntityType.AGENT:
        raise EditError(f"agent/{new.name}: {new.like} is no agent.")
    settings: JsonObject = dict(new.settings)
    if model is not None:
        own: JsonObject = model.body()["params"]["policy"]
        settings = {**own, **settings}
        if limits_in(settings) != limits_in(own):
            raise EditError(f"agent/{new.name}: its limits must be those of {new.like}.")
    front: JsonObject = {
        name: getattr(new, name)
        for name in ("description", "template", "tools", "agents", "memory", "environment", "model")
    }
    front["policy"] = settings
    code = {"policy.py": new.source}
    prompt, agent = KINDS[EntityType.AGENT].from_folder(_folder(new, front, new.system, code))
    if model is not None:
        agent = agent.model_copy(update={"implementation": model.body()["implementation"]})
    return [prompt, agent]


def _folder(
    new: _New,
    front: JsonObject,
    body: str,
    code: dict[str, str] | None = None,
    files: dict[str, str] | None = None,
) -> Folder:
    """A folder that no person wrote: its code is trusted no more for having been read."""
    return Folder(
        new.name,
        front,
        body,
        code or {},
        where=new.name,
        files=files or {},
        written=lambda _record: None,
    )
