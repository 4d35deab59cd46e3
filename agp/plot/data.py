"""The rows that figures draw, from runs; no plotly here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agp.budget import Spend
from agp.errors import InputError
from agp.runs.facts import SEED, CandidateFacts, candidates, costs
from agp.runs.listing import StoredRun

Against = Literal["tokens", "cost_usd", "seconds"]
Measure = Literal["tokens", "cost_usd", "seconds", "calls", "evaluations"]
_AGAINST = ("tokens", "cost_usd", "seconds")
UNITS: dict[str, str] = {
    "tokens": "tokens",
    "cost_usd": "US dollars",
    "seconds": "seconds of model time",
    "calls": "model calls",
    "evaluations": "evaluations",
}


@dataclass(frozen=True)
class ParetoPoint:
    """A candidate's selection score against what a sample costs.

    ``front``: no other is at least as good for at most as much. ``best_on`` of the selection
    samples it is the best or among the best.
    """

    candidate: CandidateFacts
    cost: float
    score: float
    front: bool
    best_on: int


@dataclass(frozen=True)
class Node:
    """A candidate in the lineage tree: ``depth`` counts from the start, ``row`` from the top."""

    candidate: CandidateFacts
    depth: int
    row: float


@dataclass(frozen=True)
class Bar:
    """How much one role spent in one part of a run."""

    part: str
    role: str
    amount: float


def label(run: StoredRun) -> str:
    """A run in a legend: what it was, and the last digits of its id."""
    return f"{run.config.get('optimizer') or run.kind} ({run.id[-4:]})"


def pareto(run: StoredRun, against: Against) -> list[ParetoPoint]:
    """The candidates that were scored on all of selection and have a cost, in order.

    Raises InputError for a run without any, saying which cost it does have.
    """
    found = _whole(candidates(run))
    costs_ = {each.id: _cost(each, against) for each in found}
    priced = [each for each in found if costs_[each.id] is not None]
    if not priced or not any(costs_.values()):
        others = [name for name in _AGAINST if any(_cost(each, name) for each in found)]
        unknown = "is not known" if not priced else "is nothing"
        why = f"what a sample cost in {UNITS[against]} {unknown}" if found else "none was scored"
        raise InputError(
            f"Run {run.id} has no front of candidates: {why}.",
            hint=f"Known is: {', '.join(others)}" if others else None,
        )
    points = [(costs_[each.id] or 0.0, each.selection.mean) for each in priced if each.selection]
    best_on = frontier(priced)
    return [
        ParetoPoint(each, *point, not _dominated(point, points), best_on[each.id])
        for each, point in zip(priced, points, strict=True)
    ]


def frontier(found: Sequence[CandidateFacts]) -> dict[str, int]:
    """Candidate → on how many samples nothing scores higher, of those that any was scored on."""
    best: dict[str, float] = {}
    for each in found:
        for sample, score in each.scores.items():
            if score is not None:
                best[sample] = max(score, best.get(sample, score))
    return {each.id: sum(each.scores.get(s) == top for s, top in best.items()) for each in found}


def tree(run: StoredRun) -> list[Node]:
    """The candidates laid out as a tree by their first parents, in order.

    Leaves are a row apart and a parent stands in the middle of its children; a parent that
    the journal does not know is taken for the start. Raises InputError where nothing was proposed.
    """
    found = candidates(run)
    if not any(each.id != SEED for each in found):
        raise InputError(
            f"Run {run.id} has no lineage: no candidate was assessed.", hint="agp runs show RUN"
        )
    if found[0].id != SEED:
        found.insert(0, CandidateFacts(SEED, 0, "start", (), accepted=True))
    children = _children(found)
    rows = _rows(children)
    depths = {SEED: 0}
    order = [SEED]
    for parent in order:
        for child in children.get(parent, ()):
            depths[child] = depths[parent] + 1
            order.append(child)
    return [Node(each, depths[each.id], rows[each.id]) for each in found]


def bars(run: StoredRun, of: Measure) -> list[Bar]:
    """What was spent, by part and role, in the order in which the parts began.

    Raises InputError for a run that spent nothing of it, or whose prices are not known.
    """
    spent = costs(run)
    if of == "cost_usd" and any(each.spend.unpriced for each in spent):
        raise InputError(
            f"What run {run.id} cost is not known: some calls have no known price.",
            hint='Draw tokens or seconds: of="tokens"',
        )
    found = [Bar(each.part, each.role, _amount(each.spend, of)) for each in spent]
    if not any(bar.amount for bar in found):
        raise InputError(f"Run {run.id} spent no {UNITS[of]}.")
    return found


def _amount(spend: Spend, of: Measure) -> float:
    return float(getattr(spend, of))


def _cost(each: CandidateFacts, against: str) -> float | None:
    return None if each.a_sample is None else getattr(each.a_sample, against)


def _whole(found: Sequence[CandidateFacts]) -> list[CandidateFacts]:
    """Those that were scored on as many selection samples as the one scored on most."""
    most = max((each.selection.n for each in found if each.selection), default=0)
    return [each for each in found if each.selection and each.selection.n == most]


def _dominated(point: tuple[float, float], points: Sequence[tuple[float, float]]) -> bool:
    cost, score = point
    return any(c <= cost and s >= score and (c, s) != point for c, s in points)


def _children(found: Sequence[CandidateFacts]) -> dict[str, list[str]]:
    """Parent → children; each hangs on its first parent, as far as that came before it."""
    seen = {SEED}
    children: dict[str, list[str]] = {}
    for each in found:
        if each.id == SEED:
            continue
        parent = next((name for name in each.parents if name in seen), SEED)
        children.setdefault(parent, []).append(each.id)
        seen.add(each.id)
    return children


def _rows(children: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Rows by walking the tree depth first, without recursion: a chain may be thousands long."""
    rows: dict[str, float] = {}
    leaves = 0
    stack = [(SEED, False)]
    while stack:
        name, done = stack.pop()
        mine = children.get(name, ())
        if not mine:
            rows[name] = float(leaves)
            leaves += 1
        elif done:
            rows[name] = (rows[mine[0]] + rows[mine[-1]]) / 2
        else:
            stack.append((name, True))
            stack += [(child, False) for child in reversed(mine)]
    return rows
