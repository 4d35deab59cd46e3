"""What whoever merges has decided about conflicts, as plain data that came from a file or a call.

    {"prompt/solver": "theirs",
     "tool/search": {"description": {"take": "ours"},
                     "implementation/files/tool.py": {"value": "def search(query: str): …"}}}

A side for a resource is the whole resource as that side has it; below it, each part is decided by
its path: a side's, or a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from agp.errors import InputError
from agp.rspl.entities import ResourceId
from agp.rspl.lineage.three_way import OURS, THEIRS, Decided

_FORM = (
    'Write {"type/name": "ours"} or {"type/name": {"path": {"take": "theirs"}}} or {"value": …}.'
)


class Resolutions:
    """Decisions, each of which must be met by something to decide.

    Parameters: ``take`` the side that every conflict goes to that is not decided by ``given``;
    ``given`` resource → side, or → path → ``{"take": side}`` or ``{"value": value}``. Raises
    InputError for anything else.
    """

    def __init__(self, take: str | None = None, given: Mapping[str, Any] | None = None) -> None:
        self.take = None if take is None else _side(take)
        self._sides: dict[ResourceId, str] = {}
        self._parts: dict[tuple[ResourceId, str], dict[str, Any]] = {}
        self._met: set[tuple[ResourceId, str]] = set()
        for name, decision in (given or {}).items():
            rid = ResourceId.parse(name)
            if isinstance(decision, Mapping):
                for path, part in cast("Mapping[str, Any]", decision).items():
                    self._parts[rid, path] = _part(part)
            else:
                self._sides[rid] = _side(decision)

    def side_of(self, rid: ResourceId) -> str | None:
        """The side that a whole resource was decided for."""
        self._met.add((rid, ""))
        return self._sides.get(rid)

    def part_of(self, rid: ResourceId, path: str, ours: Any, theirs: Any) -> Decided | None:
        """The value that was decided for a part."""
        part = self._parts.get((rid, path))
        if part is None:
            return None
        self._met.add((rid, path))
        if "value" in part:
            return Decided(part["value"])
        return Decided(ours if part["take"] == OURS else theirs)

    def check_met(self) -> None:
        """Raises InputError for decisions about what both sides have alike, or do not have."""
        decided = {*self._parts, *((rid, "") for rid in self._sides)}
        unmet = sorted(decided - self._met)
        if unmet:
            rid, path = unmet[0]
            raise InputError(
                f"There is nothing to decide about {' '.join(filter(None, (str(rid), path)))}.",
                hint="Name resources that differ, and paths of parts, as the conflicts do.",
            )

    def data(self) -> dict[str, Any]:
        """The decisions in short, as evidence: resource, or resource and path → how."""
        sides = {str(rid): side for rid, side in self._sides.items()}
        parts = {f"{rid} {path}": p.get("take", "value") for (rid, path), p in self._parts.items()}
        return {**({"*": self.take} if self.take else {}), **sides, **parts}


def _side(given: Any) -> str:
    if given not in (OURS, THEIRS):
        raise InputError(f"{given!r} is not a side of a merge.", hint=_FORM)
    return given


def _part(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping) and len(given) == 1:  # pyright: ignore[reportUnknownArgumentType]
        part = dict(cast("Mapping[str, Any]", given))
        if "value" in part:
            return part
        if "take" in part:
            return {"take": _side(part["take"])}
    raise InputError(f"{given!r} does not decide a part of a resource.", hint=_FORM)
