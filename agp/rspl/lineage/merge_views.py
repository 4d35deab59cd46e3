"""Merging views: what two sides made of a common one, put together, with conflicts as data.

It is decided resource by resource, and where both sides changed one, part by part; what is put
together must be valid, or it is a conflict like any other. Nothing here reads or writes a branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from agp.canonical import canonical_json
from agp.errors import ResourceError
from agp.rspl import trusted
from agp.rspl.dependencies import closure
from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.stateful import StatefulKind
from agp.rspl.lineage.resolutions import Resolutions
from agp.rspl.lineage.three_way import ABSENT, OURS, THEIRS, Decided, PartMerge, same
from agp.rspl.view import View


@dataclass(frozen=True)
class Conflict:
    """What a merge could not decide.

    ``path`` is the part of the resource, empty for the whole of it; ``base``, ``ours`` and
    ``theirs`` are its values on the three sides, `ABSENT` where it is not there; ``text`` shows
    them between diff3 markers.
    """

    resource: ResourceId
    path: str
    why: str
    base: Any
    ours: Any
    theirs: Any
    text: str

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.resource), self.path)))

    def data(self) -> dict[str, Any]:
        """As plain JSON data; a side that does not have the part is left out."""
        sides = {"base": self.base, OURS: self.ours, THEIRS: self.theirs}
        return {
            "resource": str(self.resource),
            "path": self.path,
            "why": self.why,
            "text": self.text,
            **{side: value for side, value in sides.items() if value is not ABSENT},
        }


@dataclass(frozen=True)
class Merge:
    """What our side must change to hold both, and what could not be decided.

    ``changes`` maps a resource to its merged record, None for one that their side took out; a
    resource in conflict is not in it.
    """

    changes: Mapping[ResourceId, Record | None]
    conflicts: tuple[Conflict, ...]


def merge_views(
    base: View, ours: View, theirs: View, resolutions: Resolutions | None = None
) -> Merge:
    """Put together what ``ours`` and ``theirs`` made of ``base``.

    Raises InputError where ``resolutions`` decide what is not there to be decided.
    """
    resolutions = resolutions or Resolutions()
    changes: dict[ResourceId, Record | None] = {}
    conflicts: list[Conflict] = []
    for rid in sorted({*base.refs, *ours.refs, *theirs.refs}):
        if ours.refs.get(rid) == theirs.refs.get(rid):
            continue
        three = ResourceMerge(rid, *(_record(view, rid) for view in (base, ours, theirs)))
        merged = three.merge(resolutions)
        if isinstance(merged, list):
            conflicts += merged
        elif _digest(merged) != ours.refs.get(rid):
            changes[rid] = merged
    resolutions.check_met()
    merge = Merge(changes, tuple(conflicts))
    broken = _broken(merge, base, ours, theirs)
    return Merge(changes, (*conflicts, *broken))


def _record(view: View, rid: ResourceId) -> Record | None:
    return view.record(rid) if rid in view else None


def _digest(record: Record | None) -> str | None:
    return record.digest if record else None


@dataclass(frozen=True)
class ResourceMerge:
    """One resource on three sides, not the same on the two that are merged."""

    rid: ResourceId
    base: Record | None
    ours: Record | None
    theirs: Record | None

    def merge(self, resolutions: Resolutions) -> Record | list[Conflict] | None:
        """The merged record, None for none, or the conflicts."""
        if (side := resolutions.side_of(self.rid)) is not None:
            return self.side(side)

        def decide(path: str, ours: Any, theirs: Any) -> Decided | None:
            decided = resolutions.part_of(self.rid, path, ours, theirs)
            return decided or self._state(path, ours, theirs)

        parts = PartMerge(decide, resolutions.take)
        body = parts.merge(*self._bodies())
        if parts.conflicts:
            return [Conflict(self.rid, **vars(each)) for each in parts.conflicts]
        if body is ABSENT or body is None:
            return None
        return self._valid(body, resolutions)

    def _state(self, path: str, ours: Any, theirs: Any) -> Decided | None:
        """What both sides remembered, by the rules of the memory; None where these lose something.

        They do where the result depends on which side is the later one.
        """
        kind = KINDS[self.rid.type]
        records = (self.base, self.ours, self.theirs)
        if not isinstance(kind, StatefulKind) or not isinstance(ours, list) or None in records:
            return None
        base, mine, other = cast("tuple[Record, Record, Record]", records)
        try:
            if not same(ours, kind.state(mine)) or not same(theirs, kind.state(other)):
                return None
            merged = [
                kind.state(kind.merge_state(base, *p)) for p in ((mine, other), (other, mine))
            ]
        except ResourceError:
            return None
        one, two = (sorted(map(canonical_json, items)) for items in merged)
        return Decided(merged[0]) if one == two else None

    def side(self, side: str) -> Record | None:
        """The resource as one side has it."""
        return self.ours if side == OURS else self.theirs

    def _valid(self, body: dict[str, Any], resolutions: Resolutions) -> Record | list[Conflict]:
        """The merged record; a conflict where parts that merged do not fit together."""
        try:
            record = Record.model_validate(body)
            if record.digest in (_digest(self.ours), _digest(self.theirs)):
                return record
            if record.id != self.rid:
                raise ResourceError(f"{self.rid}: the merged record is of {record.id}.")
            self._trust(record)
            KINDS[record.type].validate(record)
        except (ResourceError, ValidationError) as error:
            taken = self.side(resolutions.take) if resolutions.take else None
            return taken or [self.whole(f"put together it is not valid: {error}")]
        return record

    def _trust(self, merged: Record) -> None:
        """Code put together from what people wrote on both sides is theirs, and runs as theirs."""
        sides = [side for side in (self.ours, self.theirs) if side is not None]
        codes = [KINDS[side.type].code(side) for side in sides]
        own = KINDS[merged.type].code(merged)
        if own is not None and all(code and trusted.is_lasting(code) for code in codes):
            trusted.allow(own)

    def whole(self, why: str) -> Conflict:
        """A conflict about the resource as a whole."""
        return Conflict(self.rid, "", why, *self._bodies(), text="")

    def _bodies(self) -> list[Any]:
        return [r.body() if r else ABSENT for r in (self.base, self.ours, self.theirs)]


def _broken(merge: Merge, base: View, ours: View, theirs: View) -> Iterator[Conflict]:
    """Conflicts between resources: bindings to what the other side took out, and circles."""
    undecided = {conflict.resource for conflict in merge.conflicts}
    gone = {rid for rid, record in merge.changes.items() if record is None}
    live = {*ours.refs, *merge.changes} - gone

    def record_of(rid: ResourceId) -> Record:
        return merge.changes.get(rid) or ours.record(rid)

    def whole(rid: ResourceId, why: str) -> Conflict:
        return ResourceMerge(rid, *(_record(view, rid) for view in (base, ours, theirs))).whole(why)

    looked_at = sorted((live if gone else live & merge.changes.keys()) - undecided)
    used = {rid: KINDS[rid.type].dependencies(record_of(rid)) for rid in looked_at}
    missing = {rid: sorted(set(each) - live - undecided) for rid, each in used.items()}
    for rid, names in missing.items():
        if names:
            listed = ", ".join(map(str, names))
            yield whole(rid, f"it uses {listed}, which the other side took out")
    if undecided or any(missing.values()):
        return  # circles can be told once everything is there
    for rid, each in used.items():
        if any(rid in closure(other, record_of) for other in each):
            yield whole(rid, "with what the other side changed it uses itself, in a circle")
