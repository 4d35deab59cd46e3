"""Merge: what two lineages found apart, put together; else the round proposes something new.

Two members that went different ways from a common ancestor are merged variable by variable: each
value comes from the one that changed it, and from the better one where both did.
"""

from __future__ import annotations

from itertools import combinations

from agp.rspl.view import View
from agp.sepl.edits import Edit, Replace
from agp.sepl.lab import Lab
from agp.sepl.messages import Message, Modifications, Proposal, Traces
from agp.sepl.operators import Operator
from agp.sepl.pool import Member
from agp.sepl.provenance import influences

MERGE = "merge"


class Merge:
    """Proposes a merge when the pool has grown and two of its best complement each other.

    Parameters: ``otherwise`` proposes in all other rounds.
    """

    name = "merge"

    def __init__(self, lab: Lab, otherwise: Operator[Message, Modifications]) -> None:
        self.lab = lab
        self.otherwise = otherwise
        self._grown = 0
        self._tried: set[frozenset[str]] = set()

    async def __call__(self, view: View, message: Message, /) -> tuple[View, Modifications]:
        pool = self.lab.pool
        if len(pool) > max(self._grown, 2):
            self._grown = len(pool)
            for one, other in self._pairs():
                self._tried.add(frozenset((one.id, other.id)))
                if edits := self._edits(one, other):
                    return one.view, self._proposed(one, other, edits, message.round)
        return await self.otherwise(view, message)

    def _pairs(self) -> list[tuple[Member, Member]]:
        """Pairs of the frontier that were not tried, the better one first in each."""
        pool = self.lab.pool
        best = sorted(map(pool.__getitem__, pool.frontier()), key=lambda m: -m.mean)
        return [
            (one, other)
            for one, other in combinations(best, 2)
            if frozenset((one.id, other.id)) not in self._tried
            and one.id not in pool.ancestors(other.id)
            and other.id not in pool.ancestors(one.id)
        ]

    def _edits(self, one: Member, other: Member) -> list[Edit]:
        """What ``one`` gets from ``other``; none where each has not something of its own."""
        pool = self.lab.pool
        shared = pool.ancestors(one.id) & pool.ancestors(other.id)
        base = next(m for m in reversed(pool.members) if m.id in shared)
        was, mine, theirs = (
            {id_: v.value for id_, v in self.lab.theta(m.view).items()} for m in (base, one, other)
        )
        gained = [id_ for id_ in theirs if mine.get(id_) == was.get(id_) != theirs[id_]]
        kept = any(theirs.get(id_) == was.get(id_) != mine[id_] for id_ in mine)
        return [Replace(variable=id_, value=theirs[id_]) for id_ in gained] if kept else []

    def _proposed(
        self, one: Member, other: Member, edits: list[Edit], round_: int
    ) -> Modifications:
        proposal = Proposal(
            id=f"r{round_}c1",
            strategy=MERGE,
            rationale=f"what {other.id} found, added to {one.id}",
            edits=edits,
            influences=influences([], self.lab.journal.run),
        )
        traces = Traces(round=round_, feedback=[], selection=[])
        return Modifications(round=round_, traces=traces, items=[proposal])
