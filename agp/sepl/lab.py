"""What operators work with: the agent under evolution, its samples, its evaluator, its models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from agp.budget import collect
from agp.errors import ProposerError
from agp.evaluation.evaluator import Evaluator
from agp.evaluation.results import SampleResult
from agp.evaluation.splits import Splits
from agp.evaluation.types import Sample
from agp.models.types import Completion
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds.prompt import Prompt
from agp.rspl.view import View
from agp.runs.journal import Journal
from agp.runs.observer import Observer
from agp.secrets import redact_json
from agp.sepl.envelope import Envelope
from agp.sepl.variables import Mode
from agp.taint import noticed
from agp.tracing import names

_UNREADABLE_IN_A_ROW = 3
_QUOTED = 300

Reply = TypeVar("Reply", bound=BaseModel)


class Idea(NamedTuple):
    """A strategy for one variable, as its text was (``base`` is the text's digest)."""

    strategy: str
    variable: str
    base: str

    def __str__(self) -> str:
        return f"{self.strategy} on {self.variable}"


@dataclass(frozen=True)
class Question(Generic[Reply]):
    """A question to the reflector.

    ``step`` names it in the journal; ``prompt`` is the resource that asks it, with ``fields`` for
    its placeholders; ``reply`` is the form of the answer; ``repetition`` keeps it from being
    answered out of another one's cache.
    """

    step: str
    prompt: str
    reply: type[Reply]
    fields: dict[str, str]
    temperature: float
    repetition: int


@dataclass
class Lab:
    """One run's workbench.

    Parameters: ``candidates`` proposals a round, at most; ``screen`` samples a candidate meets
    first; ``envelope`` what may change. ``tried`` remembers what was proposed, for the whole run;
    ``unreadable`` counts replies of the reflector that could not be read.
    """

    agent: ResourceId
    mode: Mode
    evaluator: Evaluator
    splits: Splits
    history: History
    journal: Journal
    seed: int = 0
    candidates: int = 2
    screen: int = 4
    observer: Observer = field(default_factory=Observer)
    envelope: Envelope = field(default_factory=Envelope)
    tried: list[Idea] = field(default_factory=list[Idea])
    unreadable: int = 0
    _in_a_row: int = 0

    def sample(self, result: SampleResult) -> Sample:
        """The sample a result is about; only of the feedback split."""
        by_digest = {sample.digest: sample for sample in self.splits.feedback}
        return by_digest[result.sample_digest]

    async def run(self, view: View, samples: Sequence[Sample], phase: str) -> list[SampleResult]:
        """Evaluate the agent of a view on samples, showing progress.

        What could not be scored when a phase ended stays so on resume: the search went on from it.
        """
        key = f"phase/{phase}"
        done = self.journal.done(key)
        self.observer.phase(phase, len(samples))
        results = await self.evaluator.evaluate(
            view,
            self.agent,
            samples,
            settled=[
                SampleResult.model_validate(kept) for kept in (done or {}).get("unscored", [])
            ],
            on_result=self.observer.result,
        )
        if done is None:
            unscored = [r.model_dump(mode="json") for r in results if r.score is None]
            self.journal.append(key, "phase", {"unscored": unscored})
        return results

    async def ask(self, view: View, question: Question[Reply]) -> Reply | None:
        """Ask the reflector model, once per step of the run; None where its reply is unreadable.

        Raises ProposerError, quoting the last reply, when several in a row could not be read.
        """

        async def compute() -> dict[str, Any]:
            with collect() as spend:
                completion = await self._call(view, question)
            return {
                "text": completion.text,
                "cut_off": completion.finish_reason == "length",
                "spend": spend.model_dump(),
            }

        payload = await self.journal.step(f"ask/{question.step}", "ask", compute)
        return self._read(payload, question.reply)

    async def _call(self, view: View, question: Question[Any]) -> Completion:
        session, name = self.evaluator.session, question.prompt
        prompt: Prompt = session.builder.get(view, ResourceId(EntityType.PROMPT, name))
        with session.tracer.start_as_current_span(f"{names.INVOKE_WORKFLOW} {name}") as span:
            span.set_attributes(
                {
                    names.GEN_AI_OPERATION_NAME: names.INVOKE_WORKFLOW,
                    names.AGP_OPERATOR: name,
                    names.AGP_RUN: self.journal.run,
                    names.AGP_CANDIDATE: question.step,
                }
            )
            return await session.models.complete_role(
                "reflector",
                redact_json(noticed(prompt.messages(**question.fields))),
                reply_schema=question.reply.model_json_schema(),
                temperature=question.temperature,
                seed=self.seed,
                repetition=question.repetition,
            )

    def _read(self, payload: dict[str, Any], reply: type[Reply]) -> Reply | None:
        try:
            if payload["cut_off"]:
                raise ValueError("cut off at its token limit")
            # Small models break lines inside texts, which JSON alone would not allow.
            read = reply.model_validate(json.loads(payload["text"], strict=False))
        except (ValidationError, ValueError) as error:
            self.unreadable += 1
            self._in_a_row += 1
            why = str(error).splitlines()[0]
            self.observer.note(f"a reply of the reflector could not be read ({why}); it is dropped")
            if self._in_a_row >= _UNREADABLE_IN_A_ROW:
                raise ProposerError(
                    f"{self._in_a_row} replies of the reflector in a row could not be read. "
                    f"The last one began: {payload['text'][:_QUOTED]!r}",
                    hint="Start a new run with a stronger reflector (--reflector MODEL).",
                ) from error
            return None
        self._in_a_row = 0
        return read
