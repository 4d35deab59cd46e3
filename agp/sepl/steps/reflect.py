"""Reflect ρ : Z × V → ℘(H). From traces to causes of failure."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from agp.evaluation.results import SampleResult
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.kinds.agent import Bindings
from agp.rspl.view import View
from agp.sepl.lab import Lab
from agp.sepl.messages import Hypotheses, Hypothesis, Traces
from agp.sepl.proposers.model import REPETITIONS
from agp.sepl.proposers.showing import describe
from agp.sepl.reflector import Question, Reflector

_SHOWN = 3


class _Causes(BaseModel):
    causes: list[str] = Field(min_length=1, max_length=3)


class Reflect:
    """Asks the reflector why the agent fails on feedback samples.

    Where a function proposes, nobody is asked: the causes are then what the scorer said.
    """

    name = "reflect"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Traces, /) -> tuple[View, Hypotheses]:
        failed = failures(message)[:_SHOWN]
        if not failed:
            items: list[Hypothesis] = []
        elif self.lab.reflector is None:
            items = [Hypothesis(cause=r.feedback or "wrong", samples=[r.sample]) for r in failed]
        else:
            items = await self._ask(self.lab.reflector, view, message.round, failed)
        return view, Hypotheses(round=message.round, traces=message, items=items, seen=failed)

    async def _ask(
        self, reflector: Reflector, view: View, round_: int, failed: Sequence[SampleResult]
    ) -> list[Hypothesis]:
        bound = view.record(self.lab.agent).params
        reply = await reflector.ask(
            view,
            Question(
                step=f"{round_}/reflect",
                prompt="reflect",
                reply=_Causes,
                fields={
                    "instructions": instructions(self.lab, view),
                    "tools": ", ".join(bound["tools"]) or "none",
                    "failures": "\n\n".join(describe(self.lab.sample(r), r) for r in failed),
                },
                temperature=0.0,
                repetition=round_ * REPETITIONS,
            ),
        )
        shown = [result.sample for result in failed]
        causes = reply.causes if reply else []
        return [Hypothesis(cause=cause, samples=shown) for cause in causes]


def failures(traces: Traces) -> list[SampleResult]:
    """The feedback results that are wrong, in order."""
    return [r for r in traces.feedback if r.score is not None and r.score < 1.0]


def instructions(lab: Lab, view: View) -> str:
    """The system texts of the prompts that the agent is bound to."""
    names = Bindings.of(view.record(lab.agent)).all_prompts
    texts = {n: view.record(ResourceId(EntityType.PROMPT, n)).params["system"] for n in names}
    if len(texts) == 1:
        return next(iter(texts.values())) or "(none)"
    return "\n\n".join(f"{name}: {text or '(none)'}" for name, text in texts.items())
