"""What the outcomes of a rollout say: may it advance, must it return?

All alarms are bets that may be looked at after every outcome: capital that starts at 1 and would
stay there on the average if the candidate kept within its limits reaches 1/α with probability at
most α (Ville 1939; stakes as in Waudby-Smith & Ramdas 2024). What is live already is watched for
drift by bets that may begin anew at any outcome, so that a good past does not hide a bad present:
a false alarm comes after at least 10/α outcomes on the average (e-detectors: Shin, Ramdas &
Rinaldo 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agp.sepl.rollout.types import Lane, Outcome, Rollout, Stage

_STAKES = tuple((number - 0.5) / 24 for number in range(1, 25))
_DRIFT = 10.0
_LARGEST = 1e100


@dataclass(frozen=True)
class Standing:
    """A rollout's present stage in numbers.

    ``n`` outcomes of the candidate, ``pairs`` of them have a counterpart of what is live;
    ``difference`` is candidate minus live over the pairs (in stage active: minus the mean of what
    was live before), None without any; ``failed`` the share of the candidate's tasks that failed.
    ``evidence`` is the largest capital of any bet against the candidate, relative to what an alarm
    takes. ``alarm`` says why it must return, ``waits`` why it may not advance yet; empty where it
    need not, or may.
    """

    n: int
    pairs: int
    live: float | None
    candidate: float | None
    difference: float | None
    failed: float
    evidence: float
    alarm: str
    waits: str


def standing(rollout: Rollout) -> Standing:
    """Where a rollout stands, from its outcomes in the order in which they came."""
    limits = rollout.thresholds
    found = rollout.of_stage()
    own = [outcome for outcome in found if outcome.lane == "candidate"]
    differences = _differences(rollout, found)
    failures = [float(outcome.failed) for outcome in own]
    failed = _mean(failures) or 0.0
    active = rollout.stage is Stage.ACTIVE
    needed = (_DRIFT if active else 1.0) / limits.alpha
    worse = capital([-d - limits.drop for d in differences], 1 + limits.drop, anew=active)
    failing = capital([f - limits.errors for f in failures], limits.errors, anew=active)
    mean = _mean(differences)
    alarm = ""
    if failing >= needed:
        alarm = f"{failed:.1%} of its tasks failed, more than {limits.errors:.1%}"
    elif worse >= needed and mean is not None:
        alarm = f"its scores lie more than {100 * limits.drop:g} points below ({100 * mean:+.1f})"
    return Standing(
        n=len(own),
        pairs=len(differences),
        live=_mean(_scores(found, "live")),
        candidate=_mean(_scores(found, "candidate")),
        difference=mean,
        failed=failed,
        evidence=max(worse, failing) / needed,
        alarm=alarm,
        waits=alarm or _waits(rollout, len(differences), mean, failed),
    )


def capital(values: Sequence[float], reach: float, *, anew: bool) -> float:
    """The most that bets on positive ``values`` ever made of 1; values are at least ``-reach``.

    Parameters: ``anew`` lets every bet start again at 1 where it had fallen below.
    """
    bets = [1.0] * len(_STAKES)
    most = 1.0
    for value in values:
        for place, stake in enumerate(_STAKES):
            begin = max(1.0, bets[place]) if anew else bets[place]
            bets[place] = min(_LARGEST, begin * (1 + stake * value / reach))
        most = max(most, sum(bets) / len(bets))
    return most


def _differences(rollout: Rollout, found: Sequence[Outcome]) -> list[float]:
    """Candidate minus live: by task where both answered, else in the order of arrival."""
    live, own = _scores(found, "live"), _scores(found, "candidate")
    if rollout.stage is Stage.ACTIVE:
        earlier = [o for o in rollout.outcomes if o.stage is not Stage.ACTIVE]
        before = _scores(earlier, "live")
        if len(before) < rollout.thresholds.least:
            before = _scores(earlier, "candidate")
        reference = _mean(before)
        return [] if reference is None else [score - reference for score in own]
    if rollout.stage is Stage.CANARY:
        return [mine - other for mine, other in zip(own, live, strict=False)]
    other = {outcome.task: outcome.score for outcome in found if outcome.lane == "live"}
    mine = {outcome.task: outcome.score for outcome in found if outcome.lane == "candidate"}
    return [mine[task] - other[task] for task in mine if task in other]


def _waits(rollout: Rollout, pairs: int, mean: float | None, failed: float) -> str:
    limits = rollout.thresholds
    if pairs < limits.least:
        return f"{pairs} of {limits.least} comparisons so far"
    if mean is not None and mean < -limits.drop:
        return f"it is {-100 * mean:.1f} points below what is live ({100 * limits.drop:g} allowed)"
    if failed > limits.errors:
        return f"{failed:.1%} of its tasks failed ({limits.errors:.1%} allowed)"
    return ""


def _scores(found: Sequence[Outcome], lane: Lane) -> list[float]:
    return [outcome.score for outcome in found if outcome.lane == lane]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
