"""Running an agent of a view over samples: cached by content, journalled, traced.

A result is kept under the digest of everything that made it: the closure of what the agent
uses, the sample, the scorer, the model and its sampling, the repetition and the refinement.
Equal keys are never paid for twice; repetitions never share a key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from opentelemetry.trace import format_trace_id
from sqlalchemy.orm import Session as DatabaseSession

import agp
from agp import stop, taint
from agp.budget import Ledger, collect
from agp.canonical import digest
from agp.errors import BudgetExhausted, Interrupted, ModelError, ResourceError
from agp.evaluation.execution import (
    Executor,
    Inline,
    NotSendable,
    ProcessPool,
    TimedOut,
)
from agp.evaluation.execution.scoring import Scorer
from agp.evaluation.failures import Failure
from agp.evaluation.kept import keep_results, kept_results
from agp.evaluation.results import SampleResult
from agp.evaluation.streak import Streak
from agp.evaluation.types import Benchmark, Sample, Score
from agp.rspl.entities import ResourceId
from agp.rspl.view import View
from agp.runs.journal import Journal
from agp.runtime import Answer, Attempt
from agp.runtime.session import REFINE, Session
from agp.runtime.task_state import TaskState
from agp.sandbox.used import in_words, used
from agp.secrets import redact_json
from agp.tracing import names

_SAMPLE = "sample"

JsonObject = dict[str, Any]

OnResult = Callable[[SampleResult], None]


@dataclass(frozen=True)
class Settings:
    """How samples are run.

    ``refine_rounds`` is how often the agent may improve on its answer (0: one attempt);
    ``concurrency`` how many samples are under way at once, in all evaluations together;
    ``sample_seconds`` how long one may take, all in all, and ``scorer_seconds`` one answer's
    scoring: beyond, it is ended and counts 0.
    """

    seed: int = 0
    refine_rounds: int = 0
    concurrency: int = 8
    sample_seconds: float | None = None
    scorer_seconds: float | None = None


class Subject(NamedTuple):
    """What is evaluated: an agent of a view; ``repetition`` tells independent samples apart."""

    view: View
    agent: ResourceId
    repetition: int


class Evaluator:
    """Evaluates agents on one benchmark for one run.

    Parameters: ``session`` runs agents; ``journal`` takes every scored sample as a step;
    ``ledger`` is charged for every sample that is begun; ``pool`` carries out scoring that computes
    (by default a process pool, which `aclose` ends). Raises NotSendable for a benchmark that says
    it computes and cannot be taken to another process.
    """

    def __init__(
        self,
        session: Session,
        benchmark: Benchmark,
        journal: Journal,
        settings: Settings,
        ledger: Ledger,
        pool: Executor | None = None,
    ) -> None:
        self.session = session
        self.benchmark = benchmark
        self.journal = journal
        self.settings = settings
        self.ledger = ledger
        self._streak = Streak("Mend the cause, then go on with: agp resume")
        self._scorer_digest = benchmark.scorer_digest
        self._here = Inline()
        self._pool = pool or ProcessPool()
        self._scorer = Scorer(benchmark, self._here, self._pool, settings.scorer_seconds)
        self._slots = asyncio.Semaphore(settings.concurrency)
        journal.with_each(_SAMPLE, _keep)

    async def aclose(self) -> None:
        """End the processes that score, if there are any."""
        await self._pool.aclose()

    async def evaluate(
        self,
        view: View,
        agent: ResourceId,
        samples: Sequence[Sample],
        *,
        repetition: int = 0,
        settled: Sequence[SampleResult] = (),
        on_result: OnResult | None = None,
    ) -> list[SampleResult]:
        """Results in the order of ``samples``; ``settled`` ones are taken as they are.

        Raises ModelError when several samples in a row could not be scored, BudgetExhausted
        when the next call would exceed the budget; finished samples are in the journal then.
        """
        subject = Subject(view, agent, repetition)
        base = self._base(subject)
        keys = [_key(base, sample) for sample in samples]
        known = kept_results(self.journal.database, keys)
        fixed = {result.key: result for result in settled}
        refused: list[BudgetExhausted] = []

        async def one(sample: Sample, key: str) -> SampleResult | None:
            async with self._slots:
                if refused:
                    return None
                try:
                    result = fixed.get(key) or await self._finished(
                        subject, sample, key, known.get(key)
                    )
                except BudgetExhausted as error:  # the others may finish: they are paid for
                    refused.append(error)
                    return None
            if on_result is not None:
                on_result(result)
            return result

        tasks = [asyncio.create_task(one(*pair)) for pair in zip(samples, keys, strict=True)]
        try:
            results = await asyncio.gather(*tasks)
            if refused:
                raise refused[0]
            return [result for result in results if result is not None]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def key(self, subject: Subject, sample: Sample) -> str:
        """The content key of one result."""
        return _key(self._base(subject), sample)

    def _base(self, subject: Subject) -> str:
        """Digest of all that a result's key depends on beside the sample."""
        view, agent, repetition = subject
        role = view.record(agent).params["model"]
        config = self.session.models.request(role, [], seed=self.settings.seed)
        rounds = self.settings.refine_rounds
        permitted = self.session.permissions.fingerprint()
        return digest(
            {
                **({"permissions": permitted} if permitted else {}),
                "closure": view.closure_digest(agent),
                "scorer": self._scorer_digest,
                "model": config.model_dump(mode="json"),
                "agp": agp.__version__,
                "repetition": repetition,
                "refine": [rounds, view.refs.get(REFINE) if rounds else None],
            }
        )

    async def _finished(
        self, subject: Subject, sample: Sample, key: str, known: JsonObject | None
    ) -> SampleResult:
        step = f"sample/{key}"
        if (done := self.journal.done(step)) is not None:
            return SampleResult.model_validate(done)
        if known is not None:
            result = SampleResult.model_validate({**known, "reused": True})
        else:
            result = await self._run(subject, sample, key)
            self._streak.watch(result)
        payload = result.model_dump(mode="json")
        if result.score is not None:
            kept = await self.journal.finish(step, _SAMPLE, payload)
        else:
            kept = redact_json(payload)
        # This run sees what a resumed one will.
        return result if kept is payload else SampleResult.model_validate(kept)

    async def _run(self, subject: Subject, sample: Sample, key: str) -> SampleResult:
        content = sample.digest
        result = SampleResult(
            sample=sample.id,
            sample_digest=content,
            key=key,
            score=None,
            taint=[taint.sample(content)],
        )
        tracer = self.session.tracer
        name = f"{names.INVOKE_WORKFLOW} {self.benchmark.name}"
        described = {
            names.GEN_AI_OPERATION_NAME: names.INVOKE_WORKFLOW,
            names.TEST_CASE_ID: sample.id,
            names.AGP_RUN: self.journal.run,
            names.AGP_REPETITION: subject.repetition,
        }
        with (
            tracer.start_as_current_span(name, attributes=described) as span,
            collect() as spend,
            used() as held,
        ):
            result.trace_id = format_trace_id(span.get_span_context().trace_id)
            stop.check()
            await self.ledger.evaluation(subject.agent.name)
            try:
                await self._here.run(
                    lambda: self._attempts(result, subject, sample),
                    seconds=self.settings.sample_seconds,
                )
            except (BudgetExhausted, ResourceError):
                raise
            except TimedOut as error:
                result = self._late(result, error)
            except ModelError as error:
                _unscored(result, Failure.of(error, "model"))
            result.spend = spend
            result.sandbox = in_words(held)
            span.add_event(
                names.EVALUATION_EVENT,
                {
                    names.GEN_AI_EVALUATION_NAME: self.benchmark.name,
                    names.GEN_AI_EVALUATION_SCORE_VALUE: (
                        "unscored" if result.score is None else result.score
                    ),
                    names.GEN_AI_EVALUATION_EXPLANATION: (
                        result.unscored or result.feedback
                        if self.session.models.capture_content
                        else ""
                    ),
                },
            )
        return result

    async def _attempts(self, result: SampleResult, subject: Subject, sample: Sample) -> None:
        """Answer, then refine: the solution y as the variable that evolves.

        Where the scorer may be asked (``refinable``), an answer is kept if its score does not
        fall, and a perfect one ends it. Otherwise nobody can tell, and the newest answer counts.
        """
        told = self.benchmark.refinable
        earlier: list[Attempt] = []
        for _ in range(1 + self.settings.refine_rounds):
            answer = await self.session.run_agent(
                subject.view,
                subject.agent,
                sample.task,
                seed=self.settings.seed,
                repetition=subject.repetition,
                earlier=earlier,
                state=TaskState(sample.task.files, origins=result.taint),
            )
            result.taint = answer.taint
            score = await self._score(sample, answer.text)
            if isinstance(score, Failure):
                if not score.timed_out:
                    _unscored(result, score)
                    return
                result.failure, score = score, Score(value=0.0, feedback=score.reason)
            elif answer.ended == "failed":
                result.failure = _of_agent(answer)
            if not told or result.score is None or score.value >= result.score:
                result.score, result.answer = score.value, score.answer
                result.text, result.ended = answer.text, answer.ended
                result.feedback = answer.detail or score.feedback
            result.rounds.append(result.score)
            earlier.append(Attempt(answer.text, score.feedback if told else ""))
            if told and score.value >= 1.0:
                return

    async def _score(self, sample: Sample, text: str) -> Score | Failure:
        try:
            return await self._scorer.score(sample, text)
        except (BudgetExhausted, Interrupted):
            raise
        except NotSendable:
            raise
        except Exception as error:  # a benchmark is the user's code: its fault is not the agent's
            return Failure.of(error, "scorer")

    def _late(self, begun: SampleResult, error: TimedOut) -> SampleResult:
        """The result of a sample that was ended at its limit: 0, or that of an earlier attempt."""
        result = begun.model_copy(deep=True)  # what would not end may still write into the other
        result.failure = Failure.of(error, "sample")
        if not (self.benchmark.refinable and result.rounds):
            result.score, result.text, result.answer = 0.0, "", None
            result.ended, result.feedback = "timeout", result.failure.reason
        result.rounds.append(result.score or 0.0)
        return result


def _key(base: str, sample: Sample) -> str:
    return digest([base, sample.digest, sample.metadata])


def _keep(session: DatabaseSession, payloads: Sequence[JsonObject]) -> None:
    """Keep results that were measured now for later runs, which may have other time limits."""
    lasting = (each for each in payloads if not each["reused"] and not _timed_out(each))
    keep_results(session, {each["key"]: each for each in lasting})


def _timed_out(payload: JsonObject) -> bool:
    failure = payload["failure"]
    return failure is not None and Failure.model_validate(failure).timed_out


def _of_agent(answer: Answer) -> Failure:
    kind, _, message = answer.detail.partition(": ")
    return Failure(where="agent", kind=kind, message=message, traceback=answer.traceback)


def _unscored(result: SampleResult, failure: Failure) -> None:
    result.score, result.unscored, result.failure = None, failure.reason, failure
