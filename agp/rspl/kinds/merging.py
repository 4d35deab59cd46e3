"""Two concurrent changes of one state, as plain data, made one: nothing that was added is lost.

A three-way merge of JSON values. It knows nothing of records or memories.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from agp.canonical import canonical_json

_ABSENT: Any = object()


def merge(base: Any, mine: Any, theirs: Any, identity: Sequence[str] = ()) -> Any:
    """The value that has both changes; ``mine`` is the later one.

    - Only one side changed it: that side's value.
    - Mappings: key by key. A key removed on one side and changed on the other stays.
    - Lists: as sets of items, in the order of ``theirs``, what is new or changed in ``mine``
      behind it. Items are one and the same if the first of the fields ``identity`` that is filled
      is equal; without such a field, if they are equal.
    - Whole numbers are counts: both differences to ``base`` are added.
    - Anything else that both changed: ``mine``.
    """
    if _same(mine, theirs) or _same(mine, base):
        return theirs
    if _same(theirs, base):
        return mine
    values = (base, mine, theirs)
    if _all(dict, mine, theirs):
        return _merge_keys(base if _all(dict, base) else {}, mine, theirs, identity)
    if _all(list, mine, theirs):
        return _merge_items(base if _all(list, base) else [], mine, theirs, identity)
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return theirs + mine - base
    return theirs if mine is _ABSENT else mine


def _merge_keys(base: Any, mine: Any, theirs: Any, identity: Sequence[str]) -> dict[str, Any]:
    keys = dict.fromkeys([*theirs, *mine])
    merged = {
        key: merge(
            base.get(key, _ABSENT), mine.get(key, _ABSENT), theirs.get(key, _ABSENT), identity
        )
        for key in keys
    }
    return {key: value for key, value in merged.items() if value is not _ABSENT}


def _merge_items(base: Any, mine: Any, theirs: Any, identity: Sequence[str]) -> list[Any]:
    before, own, other = (_by_identity(items, identity) for items in (base, mine, theirs))
    merged = _merge_keys(before, own, other, ())
    touched = [key for key in own if not _same(own[key], before.get(key, _ABSENT))]
    order = [key for key in other if key not in touched] + touched
    return [merged[key] for key in order if key in merged]


def _by_identity(items: list[Any], identity: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        key = canonical_json(item).decode()
        if isinstance(item, dict):
            fields = cast("dict[str, Any]", item)
            key = next((f"{f}={fields[f]}" for f in identity if fields.get(f)), key)
        found.pop(key, None)
        found[key] = item
    return found


def _same(one: Any, other: Any) -> bool:
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return canonical_json(one) == canonical_json(other)


def _all(kind: type, *values: Any) -> bool:
    return all(isinstance(value, kind) for value in values)
