"""From two records to the changes between them, as the policy judges them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from agp.capabilities import added
from agp.permissions.decisions import ChangeRequest
from agp.permissions.policy import ChangeKind
from agp.rspl.entities import Record
from agp.rspl.kinds import KINDS
from agp.rspl.paths import get_path, set_path

_WORD = re.compile(r"\w+|\W")
_ABSENT = object()


def changes_between(before: Record | None, after: Record | None) -> list[ChangeRequest]:
    """The changes that make ``after`` of ``before``, field by field; None: it does not exist.

    Each carries all capabilities that the resource as a whole would gain.
    """
    if after is None:
        return [] if before is None else [ChangeRequest(str(before.id), "*", "delete")]
    gained = tuple(added(before, after))
    resource = str(after.id)
    if before is None:
        size = len(json.dumps(after.body()))
        return [ChangeRequest(resource, "*", "create", size, size, gained)]
    return [
        ChangeRequest(resource, field, kind_of(old, new), *_sizes(old, new), gained)
        for field, old, new in _changed(before, after)
    ]


def kind_of(old: Any, new: Any) -> ChangeKind:
    """What a change does, whatever it is called: ``insert`` keeps the old value whole.

    ``patch`` keeps at least half of its words in their order; everything else is ``replace``.
    """
    if isinstance(old, list) and isinstance(new, list):
        was = [_text(item) for item in cast("list[Any]", old)]
        now = [_text(item) for item in cast("list[Any]", new)]
        kept = now[: len(was)] == was or now[-len(was) :] == was
        return "insert" if kept else _mended(" ".join(was), " ".join(now))
    before, after = _text(cast("Any", old)), _text(new)
    if after.startswith(before.rstrip()) or after.endswith(before.lstrip()):
        return "insert"
    return _mended(before, after)


def _mended(before: str, after: str) -> ChangeKind:
    from rapidfuzz.distance import LCSseq

    words = _WORD.findall(before)
    kept = LCSseq.similarity(words, _WORD.findall(after))
    return "patch" if 2 * kept >= len(words) else "replace"


def _sizes(old: Any, new: Any) -> tuple[int, int]:
    before, after = (0 if value is _ABSENT else len(_text(value)) for value in (old, new))
    return after, max(0, after - before)


def _text(value: Any) -> str:
    if value is _ABSENT:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _changed(before: Record, after: Record) -> Iterator[tuple[str, Any, Any]]:
    """(field, old, new): evolvable parts by their path, then whatever else differs."""
    old, new = before.body(), _as_signed(before, after)
    paths = [part.path for part in KINDS[before.type].parts(before)]
    for path in paths:
        was, now = (_at(body, path) for body in (old, new))
        if was != now:
            yield path, was, now
        if was is not _ABSENT and now is not _ABSENT:
            new = set_path(new, path, was)
    for path in sorted(_leaves(old) | _leaves(new)):
        was, now = (_at(body, path) for body in (old, new))
        if was != now and path not in paths:
            yield path, was, now


def _as_signed(before: Record, after: Record) -> dict[str, Any]:
    """The body of ``after``; with the schema of ``before`` where only its words are others.

    What a schema says of arguments follows from the code's docstrings, whose change counts.
    """
    body = after.body()
    if before.implementation.kind == "source" and before.implementation != after.implementation:
        old = before.body()["input_schema"]
        if without_words(old) == without_words(body["input_schema"]):
            body["input_schema"] = old
    return body


def without_words(schema: Any) -> Any:
    """A JSON schema without descriptions: what values it takes, whatever it says of them."""
    if isinstance(schema, list):
        return [without_words(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    return {
        name: without_words(each)
        for name, each in cast("dict[str, Any]", schema).items()
        if name != "description" or not isinstance(each, str)
    }


def _leaves(body: dict[str, Any]) -> set[str]:
    """The fields of a record, one level into its parameters, metadata and implementation."""
    found: set[str] = set()
    for name, value in body.items():
        if name in ("params", "metadata"):
            found |= {f"{name}/{key}" for key in value}
        elif name == "implementation":
            found |= {"implementation/kind", "implementation/entry"}
            found |= {f"implementation/files/{key}" for key in value["files"]}
        else:
            found.add(name)
    return found


def _at(body: dict[str, Any], path: str) -> Any:
    try:
        return get_path(body, path)
    except (LookupError, TypeError):
        return _ABSENT
