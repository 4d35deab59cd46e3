"""Prompts: system text, a task template with placeholders, and demonstrations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from agp.errors import ResourceError
from agp.frozen import freeze
from agp.rspl.entities import EntityType, Implementation, JsonObject, Record
from agp.rspl.kinds.actions import Action, Context, json_object
from agp.rspl.kinds.base import (
    COMMON,
    Folder,
    Kind,
    Outcome,
    Part,
    instantiate,
    metadata_of,
    take,
)

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_LONGEST_TEXT = 20_000
_ENTRY = Implementation(kind="import", entry="agp.rspl.kinds.prompt:Prompt")
_DEMONSTRATIONS: JsonObject = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"input": {"type": "string"}, "output": {"type": "string"}},
        "required": ["input", "output"],
        "additionalProperties": False,
    },
}
CONTRACT = "{{contract}}"
"""Stands for what the agent can call: see `agp.rspl.contract`."""


@dataclass(frozen=True)
class Prompt:
    """A live prompt; it is shared, so nothing of it can be changed.

    ``template`` holds placeholders ``{{name}}``; ``demonstrations`` are worked examples, each
    ``{"input": …, "output": …}``, shown as earlier turns of the conversation.
    """

    system: str = ""
    template: str = "{{input}}"
    demonstrations: Sequence[Mapping[str, str]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "demonstrations", freeze(self.demonstrations))

    def render(self, **fields: str) -> str:
        """The template with its placeholders filled. Raises ResourceError for a missing one."""

        def fill(match: re.Match[str]) -> str:
            try:
                return fields[match[1]]
            except KeyError:
                raise ResourceError(
                    f"The template needs {{{{{match[1]}}}}}, which this task does not have.",
                    hint=f"The task has: {', '.join(sorted(fields))}",
                ) from None

        return _PLACEHOLDER.sub(fill, self.template)

    @property
    def wants_contract(self) -> bool:
        """Whether its system text or template asks for the contract of the agent's bindings."""
        return CONTRACT in self.system or "contract" in placeholders_of(self.template)

    def messages(self, **fields: str) -> list[JsonObject]:
        """The conversation so far, in OpenAI form: system, demonstrations, the task."""
        messages: list[JsonObject] = []
        # The system text is no template: of all placeholders only the contract is filled in.
        system = self.system.strip()
        if "contract" in fields:
            system = system.replace(CONTRACT, fields["contract"])
        if system:
            messages.append({"role": "system", "content": system})
        for shown in self.demonstrations:
            messages.append({"role": "user", "content": shown["input"]})
            messages.append({"role": "assistant", "content": shown["output"]})
        return [*messages, {"role": "user", "content": self.render(**fields)}]


class PromptKind(Kind):
    """A `PROMPT.md`: front matter, and the system text as its body."""

    type = EntityType.PROMPT
    folder = "prompts"
    manifest = "PROMPT.md"

    def from_folder(self, folder: Folder) -> list[Record]:
        """One prompt."""
        extra: JsonObject = {"template": "{{input}}", "demonstrations": [], "metadata": {}}
        return [prompt_record(folder, take(folder.front, {**COMMON, **extra}, folder.where))]

    def code(self, record: Record) -> str | None:
        """None: prompts are texts, all of one class."""
        return None

    def build(self, record: Record) -> Prompt:
        """The prompt; its texts are not executed."""
        return instantiate(Prompt, record, record.params, "parameters")

    def parts(self, record: Record) -> list[Part]:
        """System text, template and demonstrations."""
        return [
            Part("params/system", "text", "the system prompt: how to go about every task"),
            Part("params/template", "text", "the frame around each task; keeps its placeholders"),
            Part(
                "params/demonstrations",
                "json",
                "worked examples shown before the task",
                schema=_DEMONSTRATIONS,
            ),
        ]

    def validate(self, record: Record) -> None:
        """Texts are bounded, demonstrations well-formed, protected spans present."""
        params = record.params
        if record.implementation != _ENTRY:
            raise ResourceError(
                f"{record.id}: field 'implementation' must be {_ENTRY.entry}, without files.",
                hint="A prompt has no code of its own; behaviour belongs into a tool or a policy.",
            )
        for key in ("system", "template"):
            if not isinstance(params.get(key), str):
                raise ResourceError(f"{record.id}: {key!r} must be text.")
            if len(params[key]) > _LONGEST_TEXT:
                raise ResourceError(
                    f"{record.id}: {key!r} is longer than {_LONGEST_TEXT} characters."
                )
        demonstrations = cast("list[object]", params.get("demonstrations"))
        if not _is_list(demonstrations) or not all(map(_is_demonstration, demonstrations)):
            raise ResourceError(
                f"{record.id}: 'demonstrations' must be a list of {{input, output}} texts."
            )
        protected = record.metadata.get("protected", [])
        if not isinstance(protected, list) or not all(isinstance(s, str) for s in protected):  # pyright: ignore[reportUnknownVariableType]
            raise ResourceError(f"{record.id}: 'protected' must be a list of texts.")
        for span in protected:  # pyright: ignore[reportUnknownVariableType]
            if span not in params["system"] and span not in params["template"]:
                raise ResourceError(f"{record.id}: the protected text {span!r} is missing.")
        super().validate(record)

    def actions(self, record: Record) -> list[Action]:
        """One: to be filled. Its arguments are the placeholders, as they are in this version."""
        names = sorted(placeholders_of(str(record.params.get("template", ""))))
        schema: JsonObject = {
            "type": "object",
            "properties": {name: {"type": "string"} for name in names},
            "required": names,
            "additionalProperties": False,
        }
        return [Action(record.name, record.description, schema)]

    async def run(
        self, record: Record, instance: Prompt, given: JsonObject, context: Context
    ) -> Outcome:
        """The conversation that opens a task: the template filled with ``given`` texts.

        Raises ValueError for a placeholder that is missing, unknown or no text.
        """
        given = json_object(given)
        names = placeholders_of(instance.template)
        for name in sorted(names ^ set(given)):
            problem = "is missing" if name in names else "is no placeholder of it"
            known = ", ".join(sorted(names)) or "none"
            raise ValueError(f"{name!r} {problem}; the placeholders of {record.id} are: {known}")
        for name, text in given.items():
            if not isinstance(text, str):
                raise ValueError(f"{name}: must be text, not {text!r}")
        return Outcome(instance.messages(**given))


def placeholders_of(template: str) -> set[str]:
    """The names a template needs filled."""
    return set(_PLACEHOLDER.findall(template))


def prompt_record(folder: Folder, front: JsonObject) -> Record:
    """The record of a prompt from checked front matter and the manifest's body."""
    return Record(
        type=EntityType.PROMPT,
        name=folder.name,
        description=front["description"],
        evolvable=front["evolvable"],
        metadata={**front.get("metadata", {}), **metadata_of(front)},
        implementation=_ENTRY,
        params={
            "system": folder.body,
            "template": front["template"],
            "demonstrations": front["demonstrations"],
        },
    )


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _is_demonstration(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    shown = cast("dict[object, object]", value)
    return set(shown) == {"input", "output"} and all(isinstance(t, str) for t in shown.values())
