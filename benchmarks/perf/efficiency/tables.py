"""Figures from results: means with intervals, paired differences, calls to reach a score."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

Result = dict[str, Any]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95 % interval (Student's t)."""
    from scipy.stats import t

    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, math.nan
    spread = statistics.stdev(values) / math.sqrt(len(values))
    return mean, float(t.ppf(0.975, len(values) - 1)) * spread


def shown(values: Sequence[float], sign: str = "") -> str:
    """A mean with its interval as text."""
    mean, half = interval(values)
    return f"{mean:{sign}.3f} ± {half:.3f}"


def of(results: Iterable[Result], optimizer: str, budget: int) -> dict[int, Result]:
    """The results of an optimizer at a budget, by seed."""
    return {
        each["seed"]: each
        for each in results
        if (each["optimizer"], each["budget"]) == (optimizer, budget)
    }


def calls_to_reach(results: Iterable[Result], score: float) -> int | None:
    """After how many calls the mean over the seeds of whom a search prefers reaches a score.

    Parameters: ``results`` of one optimizer at one budget. None: never.
    """
    steps = [each["steps"] for each in results]
    for calls in sorted({call for run in steps for call, _ in run}):
        now = [next(value for call, value in reversed(run) if call <= calls) for run in steps]
        if statistics.fmean(now) >= score:
            return calls
    return None


def summary(
    results: Sequence[Result], optimizers: Sequence[str], budgets: Sequence[int], target: str
) -> list[list[str]]:
    """One row an optimizer: the true value at each budget, calls to reach the target's, calls
    beyond the budget at most, and milliseconds of CPU a call.

    ``target`` is the optimizer whose mean at the largest budget is to be reached.
    """
    largest = max(budgets)
    goal = of(results, target, largest).values()
    score = statistics.fmean(each["value"] for each in goal) if goal else math.nan
    header = ["optimizer", *map(str, budgets), f"calls to {score:.3f}", "calls over", "CPU ms"]
    rows = [header]
    for name in optimizers:
        cells = [of(results, name, budget) for budget in budgets]
        if not any(cells):
            continue
        reached = _reached(cells[budgets.index(largest)].values(), cells, budgets, score)
        everything = [each for cell in cells for each in cell.values()]
        cost = sum(e["seconds"] for e in everything) / sum(e["calls"] for e in everything)
        rows.append(
            [
                name,
                *(shown([each["value"] for each in cell.values()]) for cell in cells),
                reached,
                str(max(each["overshoot"] for each in everything)),
                f"{1000 * cost:.2f}",
            ]
        )
    return rows


def _reached(
    runs: Iterable[Result],
    cells: Sequence[dict[int, Result]],
    budgets: Sequence[int],
    score: float,
) -> str:
    """When a score is reached: after which call, or at which budget where runs have no steps."""
    if all(each["steps"] for each in runs):
        return str(calls_to_reach(runs, score) or "never")
    means = (statistics.fmean(each["value"] for each in cell.values()) for cell in cells)
    budget = next((b for b, mean in zip(budgets, means, strict=True) if mean >= score), None)
    return f"≤ {budget}" if budget else "never"


def differences(
    results: Sequence[Result], ours: Sequence[str], theirs: Sequence[str], budgets: Sequence[int]
) -> list[list[str]]:
    """Ours less theirs, paired by seed, with the 95 % interval of the mean difference."""
    rows = [["difference", *map(str, budgets)]]
    for mine in ours:
        for other in theirs:
            pairs = [(of(results, mine, b), of(results, other, b)) for b in budgets]
            if all(a and b for a, b in pairs):
                rows.append(
                    [
                        f"{mine} − {other}",
                        *(
                            shown([a[s]["value"] - b[s]["value"] for s in a if s in b], "+")
                            for a, b in pairs
                        ),
                    ]
                )
    return rows
