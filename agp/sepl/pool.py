"""The pool: every candidate that the search has scored on all selection samples.

Member 0 is where the search began. The Pareto frontier over samples (Agrawal et al., "GEPA", 2025)
is read from it: who is best at some sample survives there, even where its mean is low.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from agp.evaluation.results import SampleResult
from agp.rspl.view import View


@dataclass(frozen=True)
class Member:
    """One candidate: ``scores`` maps selection samples, by digest, to scores in [0, 1].

    ``parents`` are ids of members: none for the start, two for a merge.
    """

    id: str
    view: View
    scores: Mapping[str, float]
    parents: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """Its mean score; 0 where nothing was scored."""
        return fmean(self.scores.values()) if self.scores else 0.0


@dataclass
class Pool:
    """Members in the order in which they came."""

    members: list[Member] = field(default_factory=list[Member])

    def __iter__(self) -> Iterable[Member]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, id_: str) -> Member:
        return next(member for member in self.members if member.id == id_)

    def add(
        self, id_: str, view: View, results: Sequence[SampleResult], parents: Sequence[str] = ()
    ) -> Member:
        """Take in a candidate with its results on selection samples; unscored ones count 0.

        Samples that it was not run on count as its first parent's did.
        """
        inherited: Mapping[str, float] = self[parents[0]].scores if parents else {}
        scores = {**inherited, **{r.sample_digest: r.score or 0.0 for r in results}}
        member = Member(id_, view, scores, tuple(parents))
        self.members.append(member)
        return member

    def of(self, view: View) -> Member | None:
        """The member that a view is, by content."""
        return next((m for m in self.members if m.view.refs == view.refs), None)

    def best(self) -> Member:
        """The highest mean; of equal ones the first."""
        return max(self.members, key=lambda member: member.mean)

    def frontier(self) -> dict[str, int]:
        """Member id → on how many samples nobody is better, dominated members left out.

        A member is dominated where each sample that it is best at has another best that stays.
        """
        best_at = self._best_at()
        kept = {id_ for holders in best_at for id_ in holders}
        for member in sorted(self.members, key=lambda m: m.mean):
            others = kept - {member.id}
            if member.id in kept and all(holders & others for holders in best_at):
                kept = others
        return {
            member.id: sum(member.id in holders for holders in best_at)
            for member in self.members
            if member.id in kept
        }

    def draw(self, rng: random.Random) -> Member:
        """A parent: frontier members as often as they are best at a sample."""
        frontier = self.frontier()
        if not frontier:
            return self.best()
        return self[rng.choices(list(frontier), weights=list(frontier.values()))[0]]

    def spread(self) -> dict[str, float]:
        """Sample → how much the members differ on it: the variance of their scores."""
        samples: list[str] = list(self.members[0].scores) if self.members else []
        return {each: _variance([m.scores[each] for m in self.members]) for each in samples}

    def ancestors(self, id_: str) -> set[str]:
        """The ids of all that a member goes back to, itself included."""
        found, waiting = set[str](), [id_]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found.add(each)
                waiting += self[each].parents
        return found

    def _best_at(self) -> list[set[str]]:
        samples: list[str] = list(self.members[0].scores) if self.members else []
        holders: list[set[str]] = []
        for sample in samples:
            top = max(member.scores.get(sample, 0.0) for member in self.members)
            holders.append({m.id for m in self.members if m.scores.get(sample, 0.0) >= top})
        return holders


def _variance(values: Sequence[float]) -> float:
    """The population variance; the exact one of `statistics` takes a hundred times as long."""
    mean = fmean(values)
    return fmean([(value - mean) ** 2 for value in values])
