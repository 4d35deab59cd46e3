"""Resource entities and registration records (Defs. 3.1 and 3.2) as immutable values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agp.canonical import canonical_json, digest
from agp.errors import InputError, NotFoundError
from agp.frozen import FrozenDict, freeze

JsonObject = dict[str, Any]
Frozen = Annotated[JsonObject, AfterValidator(freeze)]
"""A JSON object that is copied into a record and never changes there."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_.-][a-z0-9]+)*", re.ASCII)
_LONGEST_NAME = 100
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9])(\.|$)")


class EntityType(StrEnum):
    """T = {Prompt, Agent, Tool, Environment, Memory}."""

    PROMPT = "prompt"
    AGENT = "agent"
    TOOL = "tool"
    ENVIRONMENT = "environment"
    MEMORY = "memory"


class ResourceId(NamedTuple):
    """A resource's address: unique within a registry, written ``type/name``."""

    type: EntityType
    name: str

    def __str__(self) -> str:
        return f"{self.type.value}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> ResourceId:
        """Read ``type/name``. Raises InputError or NotFoundError (unknown type)."""
        kind, slash, name = text.partition("/")
        if not slash:
            raise InputError(f"{text!r} is not a resource.", hint="Write it as type/name.")
        if kind not in list(EntityType):
            raise NotFoundError("resource type", kind, list(EntityType))
        return cls(EntityType(kind), check_name(name))

    @classmethod
    def find(cls, text: str, known: Iterable[ResourceId]) -> ResourceId:
        """The one known resource that ``text`` means: ``type/name``, or a name that is unique.

        Raises NotFoundError with near names, InputError where a bare name is ambiguous.
        """
        known = list(known)
        matches = [rid for rid in known if text in (str(rid), rid.name)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise InputError(
                f"{text!r} is the name of {len(matches)} resources.",
                hint="Say which: " + " or ".join(str(rid) for rid in matches),
            )
        names = {str(rid) for rid in known}
        if "/" not in text:
            names |= {rid.name for rid in known}
        raise NotFoundError("resource", text, names)


def check_name(name: str) -> str:
    """Return ``name`` if it is a legal resource name, else raise InputError."""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is not a resource name.",
            hint="Use lower-case ASCII letters, digits, and single _ . - between them "
            f"(at most {_LONGEST_NAME} characters, a letter first).",
        )
    if _DEVICE.match(name):
        raise InputError(
            f"{name!r} is not a resource name: Windows keeps it for a device.",
            hint="Choose another: resources are folders, and must be so on every system.",
        )
    return name


class Implementation(BaseModel):
    """The implementation descriptor η: an import path, or source files held in the record.

    ``entry`` is ``module:attribute`` for ``import``, ``file:attribute`` for ``source``, the
    manifest's name for ``skill`` (a folder with SKILL.md), and the transport for ``mcp`` (a
    server of the Model Context Protocol).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["import", "source", "skill", "mcp"]
    entry: str
    files: Annotated[dict[str, str], AfterValidator(freeze)] = Field(default_factory=FrozenDict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of kind, entry and files: what tells code from code."""
        return digest(self.model_dump(mode="json"))


class Record(BaseModel):
    """A registration record c = (e, v, η, θ, F) without its name v, which the store gives.

    ``input_schema`` and ``output_schema`` are the types of the mapping φ; ``evolvable`` is the
    marker g; ``params`` are the instantiation parameters θ. The exported representations F
    follow from these (see ``agp.rspl.kinds``). Two records with equal content have equal
    digests and are one version. A record is immutable all the way down; `body` gives a copy.
    """

    # NaN must reach canonical_json, which refuses it, not be dumped as null on the way.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    type: EntityType
    name: str
    description: str = ""
    evolvable: bool = True
    metadata: Frozen = Field(default_factory=FrozenDict)
    input_schema: Frozen = Field(default_factory=FrozenDict)
    output_schema: Frozen = Field(default_factory=FrozenDict)
    implementation: Implementation
    params: Frozen = Field(default_factory=FrozenDict)

    @property
    def id(self) -> ResourceId:
        """The address of the resource this is a record of."""
        return ResourceId(self.type, self.name)

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """A record from plain data. Raises InputError naming the field that is wrong."""
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            fault = error.errors()[0]
            field = ".".join(map(str, fault["loc"]))
            raise InputError(
                f"Not a record: field {field!r}: {fault['msg']}.",
                hint="See what one looks like: agp show prompt/solver -f json",
            ) from error

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A checked copy with some fields replaced; its digest is its own."""
        del deep  # immutable all the way down
        return type(self).read({**self.body(), **(update or {})})

    def body(self) -> JsonObject:
        """The content as plain JSON data."""
        return self.model_dump(mode="json")

    @cached_property
    def canonical(self) -> bytes:
        """The canonical JSON of the content. Raises InputError for what has none (NaN)."""
        return canonical_json(self.body())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the content: the version's identity."""
        return hashlib.sha256(self.canonical).hexdigest()
