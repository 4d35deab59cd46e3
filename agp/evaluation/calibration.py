"""Whether a model that judges answers can be trusted: its agreement with people's labels.

A judge is measured on answers that people labelled, before anything is decided by it. Agreement by
chance is taken off (Cohen's κ: a judge that says "right" to everything agrees often and has κ = 0),
and it is the lower end of κ's interval that must suffice, so that few labels prove little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from agp.errors import InputError
from agp.evaluation.types import Benchmark, Sample

KAPPA = 0.6
"""Agreement that is called substantial (Landis & Koch 1977)."""
_NORMAL = {0.9: 1.6449, 0.95: 1.96, 0.99: 2.5758}


class Labelled(BaseModel):
    """An answer to a sample, and whether people say that it is right."""

    sample: Sample
    text: str
    right: bool


class Calibration(BaseModel):
    """How well a judge agrees with labels.

    ``scorer`` is the digest of the benchmark it was measured on; ``agreement`` the share of
    ``n`` verdicts that agree, with its exact interval (Clopper–Pearson); ``kappa`` Cohen's κ with
    its interval (Cohen 1960, large-sample); both at ``level``. ``table`` counts verdicts, judge by
    label.
    """

    scorer: str
    n: int
    agreement: float
    agreement_low: float
    agreement_high: float
    kappa: float
    kappa_low: float
    kappa_high: float
    level: float = 0.95
    table: Mapping[str, int] = Field(default_factory=dict[str, int])

    def write(self, path: Path) -> None:
        """Keep it in a file, to be loaded by `read`."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """A calibration from a file. Raises InputError."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValidationError, UnicodeDecodeError) as error:
            raise InputError(f"{path} holds no calibration of a judge: {error}") from error


def agreement(
    verdicts: Sequence[bool], labels: Sequence[bool], *, scorer: str = "", level: float = 0.95
) -> Calibration:
    """The agreement of a judge's verdicts with people's labels, in the same order.

    Raises InputError where they differ in number, are fewer than two, or all labels are the same:
    then chance cannot be told from agreement.
    """
    if len(verdicts) != len(labels) or len(labels) < 2:
        raise InputError(
            f"There are {len(verdicts)} verdicts and {len(labels)} labels: a calibration needs as "
            "many of each, and at least two."
        )
    if len(set(labels)) < 2:
        raise InputError(
            "All labels are the same.", hint="Label right and wrong answers, about half of each."
        )
    if level not in _NORMAL:
        raise InputError(f"level must be one of {', '.join(map(str, _NORMAL))}, not {level}.")
    n = len(labels)
    pairs = list(zip(verdicts, labels, strict=True))
    counts = {
        f"judge {_word(verdict)}, label {_word(label)}": pairs.count((verdict, label))
        for verdict in (True, False)
        for label in (True, False)
    }
    agreed = sum(verdict == label for verdict, label in pairs)
    observed, judged, labelled = agreed / n, sum(verdicts) / n, sum(labels) / n
    chance = judged * labelled + (1 - judged) * (1 - labelled)
    kappa = (observed - chance) / (1 - chance)
    low, high = _exact(agreed, n, level)
    spread = _NORMAL[level] * sqrt(observed * (1 - observed) / n) / (1 - chance)
    if agreed == n:  # the large-sample formula has no width there; the exact interval has
        spread = kappa - (low - chance) / (1 - chance)
    return Calibration(
        scorer=scorer,
        n=n,
        agreement=observed,
        agreement_low=low,
        agreement_high=high,
        kappa=kappa,
        kappa_low=max(-1.0, kappa - spread),
        kappa_high=min(1.0, kappa + spread),
        level=level,
        table=counts,
    )


async def calibrate(
    benchmark: Benchmark, items: Sequence[Labelled], *, threshold: float = 0.5
) -> Calibration:
    """Have a benchmark's judge score labelled answers, and measure its agreement.

    Parameters: a score of at least ``threshold`` counts as the verdict "right".
    """
    scores = [await benchmark.score(item.sample, item.text) for item in items]
    verdicts = [score.value >= threshold for score in scores]
    return agreement(verdicts, [item.right for item in items], scorer=benchmark.scorer_digest)


def demand_calibrated(
    benchmark: Benchmark, calibration: Calibration | None, *, least: float = KAPPA
) -> None:
    """Make sure that what a judge says may decide about candidates.

    Benchmarks that no model judges (``judged_by`` is empty) need no calibration. Raises InputError
    where there is none, where it is another judge's, or where κ's lower end is below ``least``.
    """
    if not benchmark.judged_by:
        return
    who = ", ".join(benchmark.judged_by)
    hint = "Measure it on labelled answers: agp.evaluation.calibration.calibrate"
    if calibration is None:
        raise InputError(
            f"{benchmark.name} is judged by {who}, which nobody calibrated.", hint=hint
        )
    if calibration.scorer != benchmark.scorer_digest:
        raise InputError(f"The judge of {benchmark.name} changed since its calibration.", hint=hint)
    if not calibration.kappa_low >= least:
        raise InputError(
            f"The judge of {benchmark.name} agrees too little with people: κ = "
            f"{calibration.kappa:.2f} ({calibration.kappa_low:.2f} to "
            f"{calibration.kappa_high:.2f}, n = {calibration.n}), and at least {least:g} must "
            "be sure.",
            hint="Label more answers, or mend the judge.",
        )


def _exact(hits: int, n: int, level: float) -> tuple[float, float]:
    """The Clopper–Pearson interval of a share."""
    import scipy.stats

    stats: Any = scipy.stats  # it has no complete type hints
    found = stats.binomtest(hits, n).proportion_ci(level)
    return float(found.low), float(found.high)


def _word(right: bool) -> str:
    return "right" if right else "wrong"
