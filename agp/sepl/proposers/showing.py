"""Samples and results as a model that proposes sees them: short, without secrets, as data."""

from __future__ import annotations

from agp.evaluation.results import SampleResult
from agp.evaluation.types import Sample
from agp.secrets import redact
from agp.taint import quoted

_LONGEST = 600


def describe(sample: Sample, result: SampleResult) -> str:
    """A failed sample: as data, whatever it says."""
    text = "\n".join(
        (
            f"Task: {clip(sample.task.input)}",
            f"Agent's reply: {clip(result.text) or '(nothing)'}",
            f"Expected: {clip(sample.target)}",
            f"Verdict: {clip(result.feedback) or 'wrong'}",
        )
    )
    return quoted(text)


def clip(text: str) -> str:
    """A text short enough to show, its middle left out if need be; without secrets."""
    text = redact(text)  # first: a cut one is not recognised
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]} […] {text[-_LONGEST // 2 :]}"
