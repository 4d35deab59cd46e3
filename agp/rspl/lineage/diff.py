"""What differs between two versions of a resource, or between two views, as data and as text."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from agp.rspl.entities import JsonObject, Record, ResourceId
from agp.rspl.lineage.schema_diff import schema_statements
from agp.rspl.lineage.three_way import ABSENT, same
from agp.rspl.view import View

Form = Literal["text", "code", "schema", "json"]

_FILES = "implementation/files/"
_SCHEMAS = ("input_schema", "output_schema")


@dataclass(frozen=True)
class Difference:
    """One part that differs.

    ``before`` and ``after`` are its values, `ABSENT` where it is not there; ``text`` is a unified
    diff, for a ``schema`` that was changed sentences that say what became of the arguments.
    """

    path: str
    form: Form
    before: Any
    after: Any
    text: str

    def data(self) -> JsonObject:
        """As plain JSON data; a side that does not have the part is left out."""
        sides = {"before": self.before, "after": self.after}
        present = {side: value for side, value in sides.items() if value is not ABSENT}
        return {"path": self.path, "form": self.form, "text": self.text, **present}


@dataclass(frozen=True)
class ResourceDifference:
    """One resource that differs between two views."""

    resource: ResourceId
    status: Literal["added", "removed", "changed"]
    parts: tuple[Difference, ...]

    @property
    def text(self) -> str:
        """All parts as text."""
        return "\n".join(part.text for part in self.parts)

    def data(self) -> JsonObject:
        """As plain JSON data."""
        parts = [part.data() for part in self.parts]
        return {"resource": str(self.resource), "status": self.status, "parts": parts}


def differences(old: Record | None, new: Record | None) -> list[Difference]:
    """The parts in which two records differ; None is no record at all."""
    before, after = leaves(old), leaves(new)
    name = str((new or old).id) if (new or old) else ""  # pyright: ignore[reportOptionalMemberAccess]
    found: list[Difference] = []
    for path in dict.fromkeys([*before, *after]):
        was, now = before.get(path, ABSENT), after.get(path, ABSENT)
        if not same(was, now) and not _filled(path, was, after) and not _filled(path, now, before):
            form = _form(path, now if was is ABSENT else was)
            text = _text(f"{name} {path}", form, was, now)
            found.append(Difference(path, form, was, now, text))
    return found


def compare_views(old: View, new: View) -> Iterator[ResourceDifference]:
    """The resources that differ between two views, sorted."""
    for rid in sorted({*old.refs, *new.refs}):
        if old.refs.get(rid) == new.refs.get(rid):
            continue
        before, after = (view.record(rid) if rid in view else None for view in (old, new))
        status = "added" if before is None else "removed" if after is None else "changed"
        yield ResourceDifference(rid, status, tuple(differences(before, after)))


def counts(found: list[ResourceDifference]) -> dict[str, int]:
    """How many resources were added, removed and changed."""
    number = Counter(each.status for each in found)
    return {status: number[status] for status in ("added", "removed", "changed")}


def diff_records(old: Record | None, new: Record | None) -> str:
    """The differences of two records as text; empty where they are equal."""
    return "\n".join(each.text for each in differences(old, new))


def diff_views(old: View, new: View) -> Iterator[tuple[ResourceId, str]]:
    """The resources that differ between two views, each with its differences as text."""
    for each in compare_views(old, new):
        yield each.resource, each.text


def leaves(record: Record | None) -> JsonObject:
    """The parts of a record by path: every value inside its objects; a schema is one part."""
    return dict(_leaves(record.body())) if record else {}


def lines_of(value: Any) -> list[str]:
    """The lines of a part: of a text as it is, of anything else as indented JSON."""
    if not isinstance(value, str):
        value = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return value.split("\n") if value else []


def _leaves(value: JsonObject, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        path = f"{prefix}{key}"
        if isinstance(item, dict) and item and path not in _SCHEMAS:
            yield from _leaves(cast("JsonObject", item), f"{path}/")
        else:
            yield path, item


def _filled(path: str, value: Any, other: JsonObject) -> bool:
    """Whether an empty object only has something in it on the other side, which is said there."""
    return value == {} and any(each.startswith(f"{path}/") for each in other)


def _form(path: str, value: Any) -> Form:
    if path in _SCHEMAS:
        return "schema"
    if path.startswith(_FILES):
        return "code"
    return "text" if isinstance(value, str) else "json"


def _text(title: str, form: Form, before: Any, after: Any) -> str:
    if form == "schema" and before and after and ABSENT not in (before, after):
        return "\n".join([f"--- {title}", f"+++ {title}", *schema_statements(before, after)])
    was, now = ([] if each is ABSENT else lines_of(each) for each in (before, after))
    lines = list(difflib.unified_diff(was, now, title, title, lineterm=""))
    if not lines:  # an empty text came or went
        lines = [f"--- {title}", f"+++ {title}", "-" if after is ABSENT else "+"]
    return "\n".join(lines)
