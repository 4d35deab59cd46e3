"""Runs side by side: scores with intervals, paired differences where they mean something, cost.

Runs can be compared sample by sample only where they were scored alike: the same benchmark, the
same scorer, and samples that both ran. Where not, this says so instead of giving a number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

from agp.budget import Spend
from agp.errors import InputError
from agp.runs.facts import Mean, holdout, outcome
from agp.runs.listing import StoredRun

JsonObject = dict[str, Any]


class RunScores(BaseModel):
    """One run: the scores of its agent as it was and of what came out, and what it cost."""

    run: str
    benchmark: str
    before: Mean | None
    after: Mean | None
    committed: bool
    spend: Spend


class Paired(BaseModel):
    """``run`` minus ``base``, both as they came out, on the samples that both were scored on.

    ``difference`` has a 95 % interval; all four numbers are None where ``why`` says why there is no
    comparison.
    """

    base: str
    run: str
    n: int = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    wins: int = 0
    losses: int = 0
    ties: int = 0
    why: str = ""


@dataclass(frozen=True)
class ConfigLine:
    """One setting that is not the same in all runs; values in the order of the runs."""

    setting: str
    values: tuple[Any, ...]


class Comparison(BaseModel):
    """Runs side by side; every one is compared with the first."""

    runs: list[RunScores]
    paired: list[Paired]
    config: list[ConfigLine]


def compare(runs: Sequence[StoredRun]) -> Comparison:
    """Compare runs with the first of them. Raises InputError for fewer than two different ones."""
    if len({run.id for run in runs}) < len(runs) or len(runs) < 2:
        raise InputError(
            "A comparison needs two or more different runs.", hint="All runs: agp runs list"
        )
    return Comparison(
        runs=[_scores(run) for run in runs],
        paired=[_paired(runs[0], run) for run in runs[1:]],
        config=list(_differences([run.config for run in runs])),
    )


def _scores(run: StoredRun) -> RunScores:
    before, after = outcome(run)
    return RunScores(
        run=run.id,
        benchmark=run.benchmark,
        before=before,
        after=after,
        committed=bool((run.report or {}).get("commit")),
        spend=run.spend,
    )


def _paired(base: StoredRun, run: StoredRun) -> Paired:
    from agp.sepl.statistics import paired_test

    pair = Paired(base=base.id, run=run.id, why=_unlike(base, run))
    if pair.why:
        return pair
    theirs, ours = _outcome(base), _outcome(run)
    shared = [sample for sample in theirs if sample in ours]
    if not theirs or not ours:
        without = " and ".join(r.id for r, s in ((base, theirs), (run, ours)) if not s)
        pair.why = f"{without} scored nothing on a holdout"
    elif not shared:
        pair.why = "they share no scored holdout sample (another seed draws another holdout)"
    if pair.why:
        return pair
    test = paired_test([ours[s] for s in shared], [theirs[s] for s in shared])
    counts = {name: getattr(test, name) for name in ("n", "wins", "losses", "ties")}
    numbers = {"difference": test.difference, "low": test.low, "high": test.high}
    return pair.model_copy(update={**counts, **numbers})


def _outcome(run: StoredRun) -> dict[str, float]:
    """Scored holdout samples of what came out of a run."""
    return {sample: score for sample, score in holdout(run)[1].items() if score is not None}


def _unlike(base: StoredRun, run: StoredRun) -> str:
    """Why two runs cannot be compared sample by sample; empty where they can."""
    if base.benchmark != run.benchmark:
        return f"they have different benchmarks ({base.benchmark} and {run.benchmark})"
    mine, theirs = (next(each.of_type("objective"), None) for each in (run, base))
    if mine and theirs and mine["scorer"] != theirs["scorer"]:
        return f"{run.benchmark} had another scorer then: the scores do not mean the same"
    return ""


def _differences(configs: Sequence[JsonObject]) -> Iterator[ConfigLine]:
    settings = [dict(flat(config)) for config in configs]
    for setting in dict.fromkeys(name for each in settings for name in each):
        values = tuple(each.get(setting) for each in settings)
        if len({json.dumps(value, sort_keys=True) for value in values}) > 1:
            yield ConfigLine(setting, values)


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested settings, as (dotted name, value)."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from flat(cast("JsonObject", value), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
