"""Limits that a change loosens: numbers that grew, switches that were turned on, guards gone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

from agp.capabilities.texts import label
from agp.rspl.entities import Record

_UNSET = object()


def loosened(before: Record, after: Record) -> frozenset[str]:
    """``limit:PATH`` for each setting that allows more in ``after``.

    Numbers and switches count where they are settings (in mappings, at any depth), not where they
    are content (in lists, as a memory's items). A limit that was taken away counts as raised.
    """
    found: set[str] = set()
    if after.evolvable and not before.evolvable:
        found.add("limit:evolvable")
    for field in ("params", "metadata"):
        old = dict(_settings(getattr(before, field), field))
        new = dict(_settings(getattr(after, field), field))
        for path in old.keys() | new.keys():
            if _looser(old.get(path, _UNSET), new.get(path, _UNSET)):
                found.add(label("limit", path))
    if not _spans(before) <= _spans(after):
        found.add("limit:metadata/protected")
    return frozenset(found)


def _settings(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, each in cast("Mapping[str, Any]", value).items():
            yield from _settings(each, f"{path}/{key}")
    elif value is None or isinstance(value, bool | int | float):
        yield path, value


def _looser(old: object, new: object) -> bool:
    if old is _UNSET:
        return new is True or _number(new)
    if isinstance(old, bool) or isinstance(new, bool):
        return new is not old and new is not False
    if _number(old):
        return (
            not _number(new) or cast(float, new) > cast(float, old) or math.isnan(cast(float, new))
        )
    return False


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _spans(record: Record) -> set[str]:
    spans: object = record.metadata.get("protected", [])
    return set(map(str, cast("list[object]", spans))) if isinstance(spans, list) else set()
