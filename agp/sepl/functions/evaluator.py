"""Evaluating texts by a function: in batches, each journalled once, nothing computed twice.

What a batch costs beside the function is a digest a sample and one write: this is the path for
metrics that take microseconds as well as for those that take minutes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from agp import stop, taint
from agp.budget import Ledger, Spend
from agp.budget.accounts import exhausted, run_scope
from agp.errors import AgpError
from agp.evaluation.results import SampleResult
from agp.evaluation.streak import Streak
from agp.evaluation.types import Benchmark, Sample
from agp.rspl.entities import ResourceId
from agp.rspl.view import View
from agp.runs.journal import Journal
from agp.sepl.functions.examples import Examples
from agp.sepl.functions.metric import Scored, Scores, Texts

BATCH = "samples"


class FunctionEvaluator:
    """Scores the texts of a view on samples.

    Parameters: ``texts`` reads them from a view, by the names that ``scores`` knows them by;
    ``batch`` is how many samples are scored between two writes, so how many are done again after a
    crash; ``limit`` evaluations are made at most, not counting those that a crash broke off: so a
    resumed run comes out the same. What could not be scored is tried again when it is asked for
    again, unless it is ``settled``.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        scores: Scores,
        examples: Examples,
        texts: Callable[[View], Texts],
        journal: Journal,
        ledger: Ledger,
        batch: int,
        limit: int | None = None,
    ) -> None:
        self.benchmark = benchmark
        self.scores = scores
        self.examples = examples
        self.texts = texts
        self.journal = journal
        self.ledger = ledger
        self.batch = batch
        self.limit = limit
        self._made = 0
        self._streak = Streak("Mend the cause, then call it again with resume=True.")
        self._known: dict[str, SampleResult] = {}
        self._batches = 0
        for key, payload in journal.steps.items():
            if key.startswith(f"{BATCH}/"):
                self._batches += 1
                self._made += len(payload["results"])
                self._learn(SampleResult.model_validate(each) for each in payload["results"])

    async def evaluate(
        self,
        view: View,
        agent: ResourceId,
        samples: Sequence[Sample],
        *,
        repetition: int = 0,
        settled: Sequence[SampleResult] = (),
        on_result: Callable[[SampleResult], None] | None = None,
    ) -> list[SampleResult]:
        """See `Evaluator.evaluate`. Raises BudgetExhausted before a batch it does not cover."""
        subject = f"{view.closure_digest(agent)}/{repetition}/"
        keys = [self._key(subject, sample) for sample in samples]
        found = {result.key: result for result in settled}
        new = [
            (key, sample)
            for key, sample in dict(zip(keys, samples, strict=True)).items()
            if key not in self._known and key not in found
        ]
        texts = self.texts(view) if new else {}
        for start in range(0, len(new), self.batch):
            part = new[start : start + self.batch]
            found |= {r.key: r for r in await self._measure(agent, texts, part)}
        results = [found.get(key) or self._known[key] for key in keys]
        if on_result is not None:
            for result in results:
                on_result(result)
        return results

    def _key(self, subject: str, sample: Sample) -> str:
        return hashlib.sha256((subject + sample.digest).encode()).hexdigest()

    async def _measure(
        self, agent: ResourceId, texts: Texts, part: Sequence[tuple[str, Sample]]
    ) -> list[SampleResult]:
        stop.check()
        if self.limit is not None and self._made + len(part) > self.limit:
            raise exhausted(run_scope(self.journal.run), "evaluations", self.limit, self._made, 0)
        self._made += len(part)
        await self.ledger.evaluation(agent.name, len(part))
        scored = await self.scores(texts, [self.examples.of(s.digest) for _, s in part])
        if len(scored) != len(part):
            raise AgpError(
                f"The objective gave {len(scored)} scores for {len(part)} examples.",
                hint="Return one score an example, in their order.",
            )
        results = [
            _result(key, sample, outcome)
            for (key, sample), outcome in zip(part, scored, strict=True)
        ]
        self._batches += 1
        payload = {
            "results": [r.model_dump(mode="json", exclude_defaults=True) for r in results],
            "spend": Spend(evaluations=len(part)).model_dump(exclude_defaults=True),
        }
        await self.journal.finish(f"{BATCH}/{self._batches}", BATCH, payload)
        self._learn(results)
        for result in results:
            self._streak.watch(result)
        return results

    def _learn(self, results: Any) -> None:
        self._known.update((r.key, r) for r in results if r.score is not None)


def _result(key: str, sample: Sample, outcome: Scored) -> SampleResult:
    return SampleResult(
        sample=sample.id,
        sample_digest=sample.digest,
        key=key,
        score=outcome.score,
        unscored=outcome.why,
        text=outcome.output,
        feedback=outcome.feedback,
        taint=[taint.sample(sample.digest)],
    )
