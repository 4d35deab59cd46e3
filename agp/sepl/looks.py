"""Looking at a holdout: once, or block by block and epoch by epoch until it is decided.

`Looks` says which samples are needed next, is shown what came of them, and ends with a verdict.
It runs nothing itself: promotion does, and simulations hand it results directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from agp.errors import InputError
from agp.evaluation.results import SampleResult
from agp.sepl.gate import Pair, Policy, Rule, Verdict, broken_guard, evidence, judge, paired
from agp.sepl.statistics import Comparison, GroupSequential, LookResult, compare

TEST = "sign_flip_sequential"
_CONFIDENCE = 0.95


class Look(NamedTuple):
    """Which results are wanted: samples ``start`` to ``stop`` of the holdout, repetition ``epoch``.

    ``number`` counts looks from 1.
    """

    number: int
    start: int
    stop: int
    epoch: int


class Looks:
    """The looks of one decision; ``next`` and ``see`` in turn, until ``next`` gives None.

    Parameters: ``samples`` is the size of the holdout; ``seed`` chooses the sign patterns of the
    sequential test. With the rules that look once there is one look, at everything.
    """

    def __init__(self, policy: Policy, samples: int, *, seed: int = 0) -> None:
        self.policy = policy
        self.samples = samples
        self.after: list[list[SampleResult]] = []
        self.before: list[list[SampleResult]] = []
        self._verdict: Verdict | None = None
        self._told: list[dict[str, Any]] = []
        self._sequential = policy.rule is Rule.SEQUENTIAL
        self._todo = _planned(policy, samples)
        self._planned = len(self._todo)
        self._test = GroupSequential(samples, policy.alpha, policy.spending, seed=seed)

    def next(self) -> Look | None:
        """What to run next; None once it is decided."""
        return self._todo[0] if self._todo else None

    def see(self, candidate: Sequence[SampleResult], incumbent: Sequence[SampleResult]) -> None:
        """Take the results of the look that ``next`` named, and decide if they allow it.

        Raises InputError for other samples on both sides, or a score that is no finite number.
        """
        look = self._todo.pop(0)
        if len(candidate) != look.stop - look.start:
            raise InputError(f"{look} needs {look.stop - look.start} results.")
        paired(candidate, incumbent)
        if look.start == 0:
            self.after.append([])
            self.before.append([])
        self.after[-1].extend(candidate)
        self.before[-1].extend(incumbent)
        if not self._sequential:
            self._verdict = judge(candidate, incumbent, self.policy)
        else:
            self._decide(look)

    @property
    def verdict(self) -> Verdict:
        """The decision. Raises InputError while there is none."""
        if self._verdict is None:
            raise InputError("Nothing is decided yet: there are results to come.")
        return self._verdict

    @property
    def results(self) -> tuple[list[SampleResult], list[SampleResult]]:
        """(incumbent, candidate): one result a sample, its score the mean over its epochs."""
        return averaged(self.before), averaged(self.after)

    def _decide(self, look: Look) -> None:
        means = self._means()
        counted = [pair for pair in means if pair is not None]
        over = not self._todo or self._nothing_new()
        if not counted:
            if over:
                self._end(None, False, "no sample could be scored")
            return
        effects = [0.0 if pair is None else pair.candidate - pair.incumbent for pair in means]
        share = (look.epoch * self.samples + look.stop) / (self.samples * self.policy.epochs)
        seen = self._test.look(effects, 1.0 if over else share)
        level = 1 - (1 - _CONFIDENCE) / self._planned  # holds at all looks together (Bonferroni)
        test = compare([c for c, _ in counted], [i for _, i in counted], level=level)
        self._told.append(_told(look, test, seen))
        words = f"p = {seen.p_value:.4g} {{}} {seen.spent:.4g} of α = {self.policy.alpha:.4g}"
        hopeless = look.stop == self.samples and seen.chance < self.policy.futility
        if seen.accepted:
            self._end(test, True, words.format("≤"))
        elif over:
            self._end(test, False, words.format(">"))
        elif hopeless:
            chance = f"the chance to get there is {seen.chance:.2g}"
            self._end(test, False, f"{words.format('>')}; {chance}")

    def _means(self) -> list[Pair | None]:
        """Mean scores of every sample over the epochs in which it counts; None in none of them."""
        columns: list[list[Pair]] = [[] for _ in self.after[0]]
        for after, before in zip(self.after, self.before, strict=True):
            for column, pair in zip(columns, paired(after, before), strict=True):
                if pair is not None:
                    column.append(pair)
        return [
            Pair(
                sum(c for c, _ in pairs) / len(pairs),
                sum(i for _, i in pairs) / len(pairs),
            )
            if pairs
            else None
            for pairs in columns
        ]

    def _nothing_new(self) -> bool:
        """Whether the newest whole epoch repeated the one before in every difference.

        More epochs of such agents would add nothing, so this look is the last and has all that
        is left of α. Flipping signs does not change it: the test stays exact.
        """
        if len(self.after) < 2:
            return False
        last, previous = (
            [
                None if pair is None else pair.candidate - pair.incumbent
                for pair in paired(self.after[epoch], self.before[epoch])
            ]
            for epoch in (-1, -2)
        )
        return last == previous

    def _end(self, test: Comparison | None, accepted: bool, reason: str) -> None:
        after = [result for epoch in self.after for result in epoch]
        before = [result for epoch in self.before for result in epoch]
        self._todo = []
        broken = broken_guard(after, before, self.policy.guards) if test else ""
        numbers: dict[str, Any] = {}
        if test is not None:
            counted = [pair for pair in self._means() if pair is not None]
            numbers = {
                **self._told[-1],
                "candidate": sum(c for c, _ in counted) / len(counted),
                "incumbent": sum(i for _, i in counted) / len(counted),
                "low": test.low,
                "high": test.high,
                "level": _CONFIDENCE,
                "alpha": self.policy.alpha,
                "wins": test.wins,
                "losses": test.losses,
                "ties": test.ties,
                "test": TEST,
                "epochs": len(self.after),
                "evaluations": 2 * len(after),
                "looks": self._told,
                **evidence(after, before),
            }
        self._verdict = Verdict(
            accepted=accepted and not broken,
            rule=self.policy.rule,
            reason=broken or reason,
            numbers=numbers,
        )


def averaged(epochs: Sequence[Sequence[SampleResult]]) -> list[SampleResult]:
    """One result a sample: the first epoch's, with the mean of the scores that all epochs gave."""
    if len(epochs) == 1:
        return list(epochs[0])
    merged: list[SampleResult] = []
    for position, first in enumerate(epochs[0]):
        scores = [
            epoch[position].score
            for epoch in epochs
            if position < len(epoch) and epoch[position].score is not None
        ]
        known = [score for score in scores if score is not None]
        mean = sum(known) / len(known) if known else None
        merged.append(first.model_copy(update={"score": mean}))
    return merged


def _planned(policy: Policy, samples: int) -> list[Look]:
    if samples < 1:
        raise InputError("The holdout has no samples: there is nothing to look at.")
    if policy.rule is not Rule.SEQUENTIAL:
        return [Look(1, 0, samples, 0)]
    blocks = min(policy.blocks, samples)
    ends = [samples * (block + 1) // blocks for block in range(blocks)]
    places = [
        *((start, stop, 0) for start, stop in zip([0, *ends], ends, strict=False)),
        *((0, samples, epoch) for epoch in range(1, policy.epochs)),
    ]
    return [Look(number, *place) for number, place in enumerate(places, start=1)]


def _told(look: Look, test: Comparison, seen: LookResult) -> dict[str, Any]:
    return {
        "n": test.n,
        "epoch": look.epoch,
        "difference": test.difference,
        "p": seen.p_value,
        "spent": seen.spent,
        "chance": seen.chance,
    }
