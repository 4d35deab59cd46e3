"""What operators work with: the agent under evolution, its samples, its evaluator, its models."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from agp.errors import InputError
from agp.evaluation.results import SampleResult
from agp.evaluation.splits import Splits
from agp.evaluation.types import Benchmark, Sample
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.rspl.view import View
from agp.runs.journal import Journal
from agp.runs.observer import Observer
from agp.sepl.envelope import Envelope
from agp.sepl.pool import Pool
from agp.sepl.proposers import Proposer
from agp.sepl.reflector import Reflector
from agp.sepl.variables import Mode, Variable, lift, trainable

Parameters = TypeVar("Parameters", bound=BaseModel)


class SearchSpent(Exception):
    """The search has no evaluations left: it ends here, and what it found is judged."""


class Evaluates(Protocol):
    """What scores the agent of a view on samples: `Evaluator`, or one of functions."""

    benchmark: Benchmark

    async def evaluate(
        self,
        view: View,
        agent: ResourceId,
        samples: Sequence[Sample],
        *,
        repetition: int = 0,
        settled: Sequence[SampleResult] = (),
        on_result: Any = None,
    ) -> list[SampleResult]:
        """Results in the order of ``samples``."""
        ...


@dataclass
class Lab:
    """One run's workbench.

    Parameters: ``candidates`` proposals a round, at most; ``screen`` samples a candidate meets
    first; ``envelope`` what may change; ``parameters`` those of the optimizer, by name;
    ``proposer`` turns what failed into edits; ``reflector`` the models that propose, None where
    a function does; ``only`` the variables that may change at all; ``allowance`` evaluations that
    the search may begin, None for no limit. ``pool`` holds what the search has scored, ``spent``
    counts the evaluations it has begun, ``over`` says that it could not begin more, ``assessed``
    holds the closures of all candidates.
    """

    agent: ResourceId
    mode: Mode
    evaluator: Evaluates
    splits: Splits
    history: History
    journal: Journal
    proposer: Proposer
    reflector: Reflector | None = None
    seed: int = 0
    candidates: int = 2
    screen: int = 4
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    observer: Observer = field(default_factory=Observer)
    envelope: Envelope = field(default_factory=Envelope)
    only: frozenset[str] | None = None
    allowance: int | None = None
    pool: Pool = field(default_factory=Pool)
    spent: int = 0
    over: bool = False
    _missing: dict[str, SampleResult] = field(default_factory=dict[str, SampleResult])
    assessed: set[str] = field(default_factory=set[str])
    _lifted: tuple[View, dict[str, Variable]] | None = None
    _begun: set[tuple[str, str, int]] = field(default_factory=set[tuple[str, str, int]])

    @cached_property
    def _feedback(self) -> dict[str, Sample]:
        return {sample.digest: sample for sample in self.splits.feedback}

    def sample(self, result: SampleResult) -> Sample:
        """The sample a result is about; only of the feedback split."""
        return self._feedback[result.sample_digest]

    def theta(self, view: View) -> dict[str, Variable]:
        """Θ: what may change in a view, by id."""
        known = self._lifted
        if known is None or known[0] is not view:
            theta = trainable(lift(view, self.agent, self.mode, self.envelope))
            mask = self.only
            known = view, {id_: v for id_, v in theta.items() if mask is None or id_ in mask}
            self._lifted = known
        return known[1]

    def rng(self, *names: object) -> random.Random:
        """Random numbers that depend on the run's seed and ``names`` alone.

        So no random state has to be kept: a resumed run draws what the uninterrupted one draws.
        """
        return random.Random("/".join(map(str, (self.seed, *names))))

    def read(self, form: type[Parameters]) -> Parameters:
        """The optimizer's parameters, checked. Raises InputError naming the one that is wrong."""
        try:
            return form.model_validate(dict(self.parameters))
        except ValidationError as error:
            fault = error.errors()[0]
            known = ", ".join(form.model_fields) or "none"
            raise InputError(
                f"The optimizer's parameter {'.'.join(map(str, fault['loc']))}: {fault['msg']}.",
                hint=f"Its parameters are: {known}",
            ) from error

    def fresh(self, view: View, samples: Sequence[Sample], repetition: int = 0) -> int:
        """How many evaluations running these samples would begin."""
        return len(self._new(view, samples, repetition))

    def affords(self, evaluations: int) -> bool:
        """Whether the search may begin so many more."""
        return self.allowance is None or self.spent + evaluations <= self.allowance

    async def run(
        self, view: View, samples: Sequence[Sample], phase: str, *, repetition: int = 0
    ) -> list[SampleResult]:
        """Evaluate the agent of a view on samples, showing progress.

        What could not be scored when a phase ended stays so, on resume too: the search went on
        from it, and a sample that can never be scored is paid for once.
        Raises SearchSpent, before anything runs, where the allowance does not suffice.
        """
        new = self._new(view, samples, repetition)
        if not self.affords(len(new)):
            self.over = True
            raise SearchSpent
        self.spent += len(new)
        self._begun |= new
        key = f"phase/{phase}"
        done = self.journal.done(key)
        kept = map(SampleResult.model_validate, (done or {}).get("unscored", []))
        settled = self._missing | {result.key: result for result in kept}
        self.observer.phase(phase, len(samples))
        results = await self.evaluator.evaluate(
            view,
            self.agent,
            samples,
            repetition=repetition,
            settled=list(settled.values()),
            on_result=self.observer.result,
        )
        known = sum(
            r.reused and (self._mark(view, r.sample_digest, repetition) in new) for r in results
        )
        self.spent -= known  # what earlier runs paid for
        missing = {r.key: r for r in results if r.score is None}
        self._missing |= missing
        unscored = [result.model_dump(mode="json") for result in missing.values()]
        if unscored and done is None:
            self.journal.append(key, "phase", {"unscored": unscored})
        return results

    def _mark(self, view: View, sample: str, repetition: int) -> tuple[str, str, int]:
        return view.closure_digest(self.agent), sample, repetition

    def _new(
        self, view: View, samples: Sequence[Sample], repetition: int
    ) -> set[tuple[str, str, int]]:
        return {self._mark(view, each.digest, repetition) for each in samples} - self._begun
