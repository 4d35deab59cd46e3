"""Merging branches: bring what one branch has into another, as one commit with two parents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agp.errors import AgpError, InputError
from agp.rspl.conflicts import retry_on_conflict
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import History
from agp.rspl.lineage.graph import Provenance, merge_base, moves, new_since, provenance
from agp.rspl.lineage.merge_views import Conflict, merge_views
from agp.rspl.lineage.resolutions import Resolutions
from agp.rspl.lineage.three_way import OURS, THEIRS
from agp.rspl.origins import Origin, code_of
from agp.rspl.registry import Registry
from agp.rspl.view import View


@dataclass(frozen=True)
class Heads:
    """What is merged: the branch ``into`` and what ``other`` names, at these commits."""

    into: str
    other: str
    base: str
    ours: str
    theirs: str


class MergeConflict(AgpError):
    """Two branches cannot be merged without a decision: nothing was written.

    ``conflicts`` says about what; ``moved`` names, for each resource in conflict, the commits of
    each side since ``base`` that moved it, newest first, with the figures of their evidence.
    """

    def __init__(
        self,
        heads: Heads,
        conflicts: Sequence[Conflict],
        moved: Mapping[ResourceId, Mapping[str, Sequence[Provenance]]],
    ) -> None:
        parts = ", ".join(map(str, conflicts[:6])) + (" …" if len(conflicts) > 6 else "")
        super().__init__(
            f"{heads.other} does not merge into {heads.into} without a decision: {parts}.",
            hint="Take a side with --ours or --theirs, or decide each with --resolve FILE.",
        )
        self.heads, self.conflicts, self.moved = heads, tuple(conflicts), moved

    def data(self) -> dict[str, Any]:
        """As plain JSON data."""
        moved = {
            str(rid): {side: [asdict(each) for each in commits] for side, commits in sides.items()}
            for rid, sides in self.moved.items()
        }
        conflicts = [conflict.data() for conflict in self.conflicts]
        return {**asdict(self.heads), "conflicts": conflicts, "moved": moved}


@dataclass(frozen=True)
class MergeResult:
    """What a merge did.

    ``commit`` is None where there was nothing to bring over; ``resources`` are those it moved;
    ``fast_forward`` says that our side had nothing of its own. ``decided`` is
    what whoever merged had decided about conflicts.
    """

    heads: Heads
    commit: str | None
    resources: tuple[str, ...]
    fast_forward: bool
    decided: dict[str, Any]


def merge_branch(
    registry: Registry,
    other: str,
    *,
    take: str | None = None,
    resolutions: Mapping[str, Any] | None = None,
    message: str = "",
) -> MergeResult:
    """Bring what another branch (or tag, or commit) has into the branch of ``registry``.

    A branch is moved by commits only, so what git calls a fast-forward is a merge commit here as
    well: it says who brought the changes over, and undoing it is one rollback.

    Parameters: ``take`` the side (``ours``, ``theirs``) that conflicts go to; ``resolutions``
    decisions as `agp.rspl.lineage.resolutions` describes them. Raises MergeConflict with nothing
    written; InputError for unrelated histories, NotFoundError, ResourceError. When others are
    faster, the merge is made again on what they left; ConflictError after several times.
    """
    decided = Resolutions(take, resolutions)

    def once() -> MergeResult:
        heads = _heads(registry, other)
        return _merge_once(registry, heads, decided, message)

    return retry_on_conflict(once)


def _heads(registry: Registry, other: str) -> Heads:
    history, into = registry.history, registry.branch
    ours, theirs = registry.view().commit, history.find_commit(other).id
    base = merge_base(history, ours, theirs) if ours else None
    if ours is None or base is None:
        raise InputError(
            f"{into} and {other} have no commit in common: there is nothing to merge on.",
            hint="Only branches made from one another merge. To bring a resource over, export it "
            "and import it: agp bundle --help",
        )
    return Heads(into, other, base, ours, theirs)


def _merge_once(
    registry: Registry, heads: Heads, resolutions: Resolutions, message: str
) -> MergeResult:
    history = registry.history
    fast_forward = heads.base == heads.ours
    if heads.base == heads.theirs:
        return MergeResult(heads, None, (), fast_forward, {})
    base, ours, theirs = (history.view_at(c) for c in (heads.base, heads.ours, heads.theirs))
    merge = merge_views(base, ours, theirs, resolutions)
    if merge.conflicts:
        raise MergeConflict(heads, merge.conflicts, _moved(history, heads, merge.conflicts))
    if fast_forward and not merge.changes:  # else two branches would merge each other for ever
        return MergeResult(heads, None, (), fast_forward, {})
    decided = resolutions.data()
    commit = registry.commit(
        merge.changes,
        operator="merge",
        message=message or f"merge {heads.other} into {heads.into}",
        evidence={
            "merged": heads.theirs,
            "base": heads.base,
            **({"decided": decided} if decided else {}),
        },
        merged=heads.theirs,
        expected=heads.ours,
        origin=_origin(history, merge.changes, ours, theirs),
    )
    resources = tuple(str(rid) for rid in sorted(merge.changes))
    return MergeResult(heads, commit.id if commit else None, resources, fast_forward, decided)


def _origin(history: History, changes: Mapping[ResourceId, Record | None], *sides: View) -> Origin:
    """Who wrote the code that the merge put together: not a person where a part is not theirs."""
    parts: list[Record] = []
    for rid, record in changes.items():
        here = [side.record(rid) for side in sides if rid in side]
        if record is not None and code_of(record) not in [code_of(part) for part in here]:
            parts += here
    return history.origins.of(parts)


def _moved(
    history: History, heads: Heads, conflicts: Sequence[Conflict]
) -> dict[ResourceId, dict[str, list[Provenance]]]:
    new = {
        side: new_since(history, heads.base, head)
        for side, head in ((OURS, heads.ours), (THEIRS, heads.theirs))
    }
    moved: dict[ResourceId, dict[str, list[Provenance]]] = {}
    for rid in sorted({conflict.resource for conflict in conflicts}):
        commits = list(moves(history, rid))
        of_side = {s: provenance(history, [c for c in commits if c in new[s]]) for s in new}
        moved[rid] = {side: list(reversed(found.values())) for side, found in of_side.items()}
    return moved
