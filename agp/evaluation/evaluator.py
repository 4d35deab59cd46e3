"""Running an agent of a view over samples: cached by content, journalled, traced.

A result is kept under the digest of everything that made it: the closure of what the agent
uses, the sample, the scorer, the model and its sampling, the repetition and the refinement.
Equal keys are never paid for twice; repetitions never share a key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from opentelemetry.trace import format_trace_id
from sqlalchemy import select
from sqlalchemy.orm import Session as DatabaseSession

from agp.canonical import digest
from agp.errors import BudgetExhausted, ModelError, ResourceError
from agp.evaluation.results import SampleResult
from agp.evaluation.types import Benchmark, Sample, Score
from agp.rspl.entities import ResourceId
from agp.rspl.view import View
from agp.runs.journal import Journal
from agp.runs.ledger import collect
from agp.runtime import Attempt
from agp.runtime.session import REFINE, Session
from agp.store.database import insert_new
from agp.store.tables import EvaluationRow, now
from agp.tracing import names

_FAILURES_IN_A_ROW = 5

OnResult = Callable[[SampleResult], None]


@dataclass(frozen=True)
class Settings:
    """How samples are run.

    ``refine_rounds`` is how often the agent may improve on its answer (0: one attempt);
    ``concurrency`` how many samples are under way at once.
    """

    seed: int = 0
    refine_rounds: int = 0
    concurrency: int = 8


class Evaluator:
    """Evaluates agents on one benchmark for one run.

    Parameters: ``session`` runs agents; ``journal`` takes every scored sample as a step.
    """

    def __init__(
        self, session: Session, benchmark: Benchmark, journal: Journal, settings: Settings
    ) -> None:
        self.session = session
        self.benchmark = benchmark
        self.journal = journal
        self.settings = settings
        self._failures = 0
        self._scorer = benchmark.scorer_digest

    async def evaluate(
        self,
        view: View,
        agent: ResourceId,
        samples: Sequence[Sample],
        *,
        repetition: int = 0,
        refine_rounds: int | None = None,
        on_result: OnResult | None = None,
    ) -> list[SampleResult]:
        """Results in the order of ``samples``.

        Raises ModelError when several samples in a row could not be scored, BudgetExhausted
        when the next call would exceed the budget; finished samples are in the journal then.
        """
        rounds = self.settings.refine_rounds if refine_rounds is None else refine_rounds
        slots = asyncio.Semaphore(self.settings.concurrency)

        async def one(sample: Sample) -> SampleResult:
            async with slots:
                result = await self._finished(view, agent, sample, repetition, rounds)
            if on_result is not None:
                on_result(result)
            return result

        tasks = [asyncio.create_task(one(sample)) for sample in samples]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def key(
        self, view: View, agent: ResourceId, sample: Sample, repetition: int, rounds: int
    ) -> str:
        """The content key of one result."""
        role = view.record(agent).params["model"]
        config = self.session.models.request(role, [], seed=self.settings.seed)
        return digest(
            {
                "closure": view.closure_digest(agent),
                "sample": sample.digest,
                "scorer": self._scorer,
                "model": config.model_dump(mode="json"),
                "repetition": repetition,
                "refine": [rounds, view.refs.get(REFINE) if rounds else None],
            }
        )

    async def _finished(
        self, view: View, agent: ResourceId, sample: Sample, repetition: int, rounds: int
    ) -> SampleResult:
        key = self.key(view, agent, sample, repetition, rounds)
        step = f"sample/{key}"
        if (done := self.journal.done(step)) is not None:
            return SampleResult.model_validate(done)
        result = self._kept(key)
        if result is None:
            result = await self._run(view, agent, sample, repetition, rounds)
            result.key = key
            self._watch(result)
        if result.score is not None:
            payload = result.model_dump(mode="json")
            row = {"key": key, "result": payload, "created_at": now()}

            def keep(session: DatabaseSession) -> None:
                if not result.reused:
                    insert_new(session, EvaluationRow, row)

            await self.journal.finish(step, "sample", payload, also=keep)
        return result

    def _kept(self, key: str) -> SampleResult | None:
        with self.journal.database.read() as session:
            kept = session.scalar(select(EvaluationRow.result).where(EvaluationRow.key == key))
        return SampleResult.model_validate({**kept, "reused": True}) if kept else None

    async def _run(
        self, view: View, agent: ResourceId, sample: Sample, repetition: int, rounds: int
    ) -> SampleResult:
        result = SampleResult(sample=sample.id, sample_digest=sample.digest, key="", score=None)
        tracer = self.session.tracer
        name = f"{names.INVOKE_WORKFLOW} {self.benchmark.name}"
        with tracer.start_as_current_span(name) as span, collect() as spend:
            span.set_attributes(
                {
                    names.GEN_AI_OPERATION_NAME: names.INVOKE_WORKFLOW,
                    names.TEST_CASE_ID: sample.id,
                    names.AGP_RUN: self.journal.run,
                    names.AGP_REPETITION: repetition,
                }
            )
            result.trace_id = format_trace_id(span.get_span_context().trace_id)
            try:
                await self._attempts(result, view, agent, sample, repetition, rounds)
            except (BudgetExhausted, ResourceError):
                raise
            except ModelError as error:
                result.score, result.unscored = None, f"model: {error.message}"
            result.spend = spend
            span.add_event(
                names.EVALUATION_EVENT,
                {
                    names.GEN_AI_EVALUATION_NAME: self.benchmark.name,
                    names.GEN_AI_EVALUATION_SCORE_VALUE: (
                        "unscored" if result.score is None else result.score
                    ),
                    names.GEN_AI_EVALUATION_EXPLANATION: result.unscored or result.feedback,
                },
            )
        return result

    async def _attempts(
        self,
        result: SampleResult,
        view: View,
        agent: ResourceId,
        sample: Sample,
        repetition: int,
        rounds: int,
    ) -> None:
        """Answer, then refine: the solution y as the variable that evolves.

        Where the scorer may be asked (``refinable``), an answer is kept if its score does not
        fall, and a perfect one ends it. Otherwise nobody can tell, and the newest answer counts.
        """
        told = self.benchmark.refinable
        earlier: list[Attempt] = []
        for _ in range(1 + rounds):
            answer = await self.session.run_agent(
                view,
                agent,
                sample.task,
                seed=self.settings.seed,
                repetition=repetition,
                earlier=earlier,
            )
            score = await self._score(sample, answer.text)
            if isinstance(score, str):
                result.score, result.unscored = None, score
                return
            if not told or result.score is None or score.value >= result.score:
                result.score, result.answer = score.value, score.answer
                result.text, result.ended = answer.text, answer.ended
                result.feedback = answer.detail or score.feedback
            result.rounds.append(result.score)
            earlier.append(Attempt(answer.text, score.feedback if told else ""))
            if told and score.value >= 1.0:
                return

    async def _score(self, sample: Sample, text: str) -> Score | str:
        scoring: Awaitable[Score] = self.benchmark.score(sample, text)
        try:
            return await scoring
        except Exception as error:  # a benchmark is the user's code: its fault is not the agent's
            return f"scorer: {type(error).__name__}: {error}"

    def _watch(self, result: SampleResult) -> None:
        self._failures = self._failures + 1 if result.score is None else 0
        if self._failures >= _FAILURES_IN_A_ROW:
            raise ModelError(
                f"{self._failures} samples in a row could not be scored; the last one: "
                f"{result.unscored}",
                hint="Mend the cause, then go on with: agp resume",
            )
