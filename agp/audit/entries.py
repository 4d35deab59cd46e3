"""The format: rows as they are kept, entries as they are read, and the canonical form of both."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from agp.canonical import canonical_json
from agp.errors import InputError

BEGIN = "begin"
"""Kind of entry 0, which the store is born with: what was committed before anything was audited."""
COMMIT = "commit"
"""Kind of the entry that every commit has; ``payload["commit"]`` is the commit's id."""
ARCHIVE = "archive"
"""Kind of the entry that takes the place of entries moved to an archive file."""

_FIELDS = {"seq", "prev", "at", "kind", "actor", "writer", "payload"}
_BEGIN_FIELDS = {"seq", "kind", "payload"}
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_LARGEST_INTEGER = 2**53 - 1


class Row(NamedTuple):
    """One entry as it is kept: the bytes of its body, their hash, the writer's signature."""

    seq: int
    body: bytes
    hash: str
    signature: str


class Damaged(NamedTuple):
    """What was found in the place of a row and cannot be read as one."""

    where: str
    why: str


class Entry(BaseModel):
    """One entry as it is read.

    ``prev`` is the hash of the entry before; ``at`` the time, ISO 8601 in UTC with microseconds,
    by the writer's clock; ``writer`` the Ed25519 public key (hex) that signed it; ``hash`` the
    SHA-256 of the body. Entry 0 has no ``prev``, ``at``, ``actor`` and ``writer``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    seq: int
    prev: str = ""
    at: str = ""
    kind: str
    actor: str = ""
    writer: str = ""
    payload: dict[str, Any]
    hash: str


class Covered(NamedTuple):
    """How many commits, in their order, lie before a log, and the digest of their ids."""

    commits: int
    digest: str


def read_entry(body: bytes) -> Entry:
    """The entry with this body. Raises InputError that says what is wrong with its form."""
    fields = read_object(body)
    seq, kind = fields.get("seq"), fields.get("kind")
    if set(fields) != (_BEGIN_FIELDS if seq == 0 else _FIELDS) or (seq == 0) != (kind == BEGIN):
        raise InputError("its fields are not those of an entry")
    try:
        entry = Entry.model_validate({**fields, "hash": _sha256(body)})
    except ValidationError as error:
        raise InputError(f"{error.errors()[0]['loc'][0]} is of another type") from error
    if entry.seq and not (is_hex_64(entry.prev) and is_hex_64(entry.writer)):
        raise InputError("its prev or writer is not 64 lower-case hex digits")
    if entry.seq == 0 and read_covered(entry.payload) is None:
        raise InputError("it does not say which commits were there before")
    return entry


def read_object(data: bytes) -> dict[str, Any]:
    """The object whose one canonical form is ``data``. Raises InputError."""
    value: Any = read_canonical(data)
    if not isinstance(value, dict):
        raise InputError("it is not an object")
    return cast("dict[str, Any]", value)


def read_canonical(data: bytes) -> Any:
    """The JSON value of ``data``. Raises InputError unless ``data`` is its one canonical form."""
    try:
        value = json.loads(data.decode("utf-8"), parse_int=_integer)
        same = canonical_json(value) == data
    except (ValueError, OverflowError, RecursionError, InputError) as error:
        raise InputError("it is not JSON") from error
    if not same:
        raise InputError("it is not in canonical form")
    return value


def _integer(digits: str) -> int | float:
    """Beyond 2^53 only a float can have been written: 1e17 is canonically 100000000000000000."""
    value = int(digits)
    return value if abs(value) <= _LARGEST_INTEGER else float(value)


def is_hex_64(value: object) -> bool:
    """Whether ``value`` is a hash or a public key as this format writes it."""
    return isinstance(value, str) and _HEX_64.fullmatch(value) is not None


def read_covered(payload: dict[str, Any]) -> Covered | None:
    """What the payload of a first entry, or of an archive, says about the commits before it."""
    commits, digest = payload.get("commits"), payload.get("digest")
    if type(commits) is not int or commits < 0 or not is_hex_64(digest):
        return None
    return Covered(commits, str(digest))


def cover(commit_ids: Sequence[str]) -> Covered:
    """What covers exactly these commits, in the order of their seq."""
    return Covered(len(commit_ids), _sha256("\n".join(commit_ids).encode()))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
