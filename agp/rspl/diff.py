"""What differs between two versions, or two views."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

from agp.rspl.entities import Record, ResourceId
from agp.rspl.view import View


def diff_records(old: Record | None, new: Record | None) -> str:
    """Unified diff of two records, part by part; empty where they are equal."""
    old_parts, new_parts = (_parts(record) for record in (old, new))
    name = str((new or old).id) if (new or old) else ""  # pyright: ignore[reportOptionalMemberAccess]
    lines: list[str] = []
    for path in dict.fromkeys([*old_parts, *new_parts]):
        before, after = old_parts.get(path, ""), new_parts.get(path, "")
        lines += difflib.unified_diff(
            before.splitlines(), after.splitlines(), f"{name} {path}", f"{name} {path}", lineterm=""
        )
    return "\n".join(lines)


def diff_views(old: View, new: View) -> Iterator[tuple[ResourceId, str]]:
    """The resources that differ between two views, each with its diff."""
    for rid in sorted({*old.refs, *new.refs}):
        if old.refs.get(rid) != new.refs.get(rid):
            before = old.record(rid) if rid in old else None
            after = new.record(rid) if rid in new else None
            yield rid, diff_records(before, after)


def _parts(record: Record | None) -> dict[str, str]:
    return dict(_leaves(record.body())) if record else {}


def _leaves(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        path = f"{prefix}{key}"
        if isinstance(item, dict) and item:
            yield from _leaves(item, f"{path}/")  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(item, str):
            yield path, item
        else:
            yield path, json.dumps(item, indent=2, sort_keys=True, ensure_ascii=False)
