"""Reflect ρ : Z × V → ℘(H). From traces to causes of failure."""

from __future__ import annotations

from pydantic import BaseModel, Field

from agp.evaluation.results import SampleResult
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.view import View
from agp.secrets import redact
from agp.sepl.lab import Lab, Question
from agp.sepl.messages import Hypotheses, Hypothesis, Traces
from agp.taint import quoted

_SHOWN = 3
_LONGEST = 600
REPETITIONS = 1000
"""Rounds are this far apart, so that no round is answered from another's cache."""


class _Causes(BaseModel):
    causes: list[str] = Field(min_length=1, max_length=3)


class Reflect:
    """Asks the reflector why the agent fails on feedback samples."""

    name = "reflect"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Traces, /) -> tuple[View, Hypotheses]:
        failed = failures(message)[:_SHOWN]
        items: list[Hypothesis] = []
        if failed:
            bound = view.record(self.lab.agent).params
            prompt = view.record(ResourceId(EntityType.PROMPT, bound["prompt"]))
            reply = await self.lab.ask(
                view,
                Question(
                    step=f"{message.round}/reflect",
                    prompt="reflect",
                    reply=_Causes,
                    fields={
                        "instructions": prompt.params["system"] or "(none)",
                        "tools": ", ".join(bound["tools"]) or "none",
                        "failures": "\n\n".join(map(self.describe, failed)),
                    },
                    temperature=0.0,
                    repetition=message.round * REPETITIONS,
                ),
            )
            shown = [result.sample for result in failed]
            causes = reply.causes if reply else []
            items = [Hypothesis(cause=cause, samples=shown) for cause in causes]
        return view, Hypotheses(round=message.round, traces=message, items=items, seen=failed)

    def describe(self, result: SampleResult) -> str:
        """A failed sample as reflection sees it: as data, whatever it says."""
        sample = self.lab.sample(result)
        text = "\n".join(
            (
                f"Task: {clip(sample.task.input)}",
                f"Agent's reply: {clip(result.text) or '(nothing)'}",
                f"Expected: {clip(sample.target)}",
                f"Verdict: {clip(result.feedback) or 'wrong'}",
            )
        )
        return quoted(text)


def failures(traces: Traces) -> list[SampleResult]:
    """The feedback results that are wrong, in order."""
    return [r for r in traces.feedback if r.score is not None and r.score < 1.0]


def clip(text: str) -> str:
    """A text short enough to show, its middle left out if need be; without secrets."""
    text = redact(text)  # first: a cut one is not recognised
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]} […] {text[-_LONGEST // 2 :]}"
