"""Race, an Evaluate ε : V' × G → S that pays for no more samples than it takes to tell.

Candidates meet selection samples in blocks, beside their parent's known scores, and leave the
race as soon as it is clear which way it goes. The samples a candidate was not run on count as its
parent's did: so every member of the pool has a score for every sample, and a change is judged by
differences on the same samples, whose noise is smaller than that of means. The pool may be
permissive: what goes live is decided elsewhere, on other samples (`agp.sepl.promotion`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from agp.evaluation.types import Sample
from agp.rspl.view import View
from agp.sepl.gate import Verdict
from agp.sepl.lab import Lab
from agp.sepl.messages import Assessment, Candidate, Candidates, Evaluations
from agp.sepl.pool import Member
from agp.sepl.steps.screen import each, refused


class Rules(BaseModel):
    """When a race ends, in standard errors of the mean difference to the parent (its sum over the
    root of its sum of squares).

    ``block`` samples are run between two looks; below −``drop`` a candidate is dropped, from
    ``clear`` on it is taken in at once, and after the last sample from ``accept`` on.
    """

    model_config = ConfigDict(extra="forbid")

    block: int = Field(default=4, ge=1)
    drop: float = Field(default=0.5, ge=0)
    clear: float = Field(default=2.0, gt=0)
    accept: float = Field(default=0.5, ge=0)


class Race:
    """Races every candidate of a round against the parent it was made from."""

    name = "race"

    def __init__(self, lab: Lab, rules: Rules) -> None:
        self.lab = lab
        self.rules = rules

    async def __call__(self, view: View, message: Candidates, /) -> tuple[View, Evaluations]:
        items = await each(message.items, self._assess)
        return view, Evaluations(round=message.round, traces=message.traces, items=items)

    async def _assess(self, candidate: Candidate) -> Assessment:
        if candidate.fault:
            return refused(candidate)
        id_, parent = candidate.proposal.id, self.lab.pool[candidate.parents[0]]
        view = parent.view.with_overlay(candidate.records)
        item = Assessment(candidate=candidate, verdict=_verdict([], parent, 0, accepted=False))
        order, block = self._order(id_), self.rules.block
        differences: list[float] = []
        for start in range(0, len(order), block):
            phase = f"{id_} selection {start // block + 1}"
            results = await self.lab.run(view, order[start : start + block], phase)
            item.selection += results
            differences += [(r.score or 0.0) - parent.scores[r.sample_digest] for r in results]
            accepted = self._decided(differences, last=len(differences) == len(order))
            if accepted is not None:
                item.verdict = _verdict(differences, parent, len(order), accepted=accepted)
                break
        return item

    def _decided(self, differences: Sequence[float], *, last: bool) -> bool | None:
        """Whether the candidate is taken in; None while it is not clear."""
        z, rules = standardised(differences), self.rules
        if last:
            return z >= rules.accept and z > 0
        if z >= rules.clear and len(differences) > rules.block:
            return True
        still = not any(differences) and len(differences) >= 3 * rules.block
        return False if still or z < -rules.drop else None

    def _order(self, id_: str) -> list[Sample]:
        """Selection samples, those first on which members of the pool differ most."""
        samples = list(self.lab.splits.selection)
        self.lab.rng("order", id_).shuffle(samples)
        spread = self.lab.pool.spread()
        return sorted(samples, key=lambda sample: -spread.get(sample.digest, 0.0))


def standardised(differences: Sequence[float]) -> float:
    """The sum over the root of the sum of squares; 0 where all are 0."""
    spread = math.sqrt(sum(each * each for each in differences))
    return sum(differences) / spread if spread else 0.0


def _verdict(differences: Sequence[float], parent: Member, of: int, *, accepted: bool) -> Verdict:
    mean = sum(differences) / len(differences) if differences else 0.0
    return Verdict(
        accepted=accepted,
        rule="race",
        reason=f"{mean:+.3f} a sample against {parent.id} on {len(differences)} of {of}",
        numbers={
            "n": len(differences),
            "difference": mean,
            "z": standardised(differences),
            "wins": sum(each > 0 for each in differences),
            "losses": sum(each < 0 for each in differences),
        },
    )
