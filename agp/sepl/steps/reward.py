"""Reward: what each rollout was worth, by the formulas of the paper (`agp.sepl.formulas`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agp.rspl.view import View
from agp.sepl.formulas import (
    Ratio,
    group_advantages,
    grpo_objective,
    penalty,
    ratios,
    reinforce_advantage,
    reinforce_objective,
)
from agp.sepl.lab import Lab
from agp.sepl.signals import Group, Metrics, Rollout, Rollouts
from agp.sepl.similarity import similarity

Measure = Callable[[Sequence[Group]], list[Group]]
"""Groups of rollouts → the same with metrics."""


class Reward:
    """Measures all rollouts of a step and journals the numbers under ``metrics/ROUND``."""

    name = "reward"

    def __init__(self, lab: Lab, measure: Measure) -> None:
        self.lab = lab
        self.measure = measure

    async def __call__(self, view: View, message: Rollouts, /) -> tuple[View, Rollouts]:
        groups = self.measure(message.groups)
        key = f"metrics/{message.round}"
        if groups and self.lab.journal.done(key) is None:
            payload = {"round": message.round, "groups": [_numbers(group) for group in groups]}
            self.lab.journal.append(key, "metrics", payload)
        return view, message.model_copy(update={"groups": groups})


def reinforce_metrics(
    groups: Sequence[Group], *, beta: float, epsilon: float, epsilon0: float, ratio: Ratio
) -> list[Group]:
    """Reinforce++ (protocol §2.6). A centred ratio compares all rollouts of the step."""
    etas = [[_similar(group, rollout) for rollout in group.rollouts] for group in groups]
    pis = iter(ratios([eta for each in etas for eta in each], ratio))

    def one(group: Group, rollout: Rollout, eta: float) -> Metrics:
        pen = penalty(similarity(group.reference, rollout.result.text), beta, epsilon0)
        pi, advantage = next(pis), reinforce_advantage(_reward(rollout), pen)
        return Metrics(
            reward=_reward(rollout),
            similarity=eta,
            ratio=pi,
            penalty=pen,
            advantage=advantage,
            objective=reinforce_objective(pi, advantage, epsilon),
        )

    return [
        _with(group, [one(group, *pair) for pair in zip(group.rollouts, each, strict=True)])
        for group, each in zip(groups, etas, strict=True)
    ]


def grpo_metrics(groups: Sequence[Group], *, epsilon: float, ratio: Ratio) -> list[Group]:
    """GRPO (protocol §2.7). Advantages and centred ratios compare the rollouts of one group."""
    return [_with(group, _of_group(group, epsilon, ratio)) for group in groups]


def _of_group(group: Group, epsilon: float, ratio: Ratio) -> list[Metrics]:
    rewards = [_reward(rollout) for rollout in group.rollouts]
    etas = [_similar(group, rollout) for rollout in group.rollouts]
    numbers = zip(rewards, etas, ratios(etas, ratio), group_advantages(rewards), strict=True)
    return [
        Metrics(
            reward=reward,
            similarity=eta,
            ratio=pi,
            advantage=advantage,
            objective=grpo_objective(pi, advantage, epsilon),
        )
        for reward, eta, pi, advantage in numbers
    ]


def _similar(group: Group, rollout: Rollout) -> float:
    """η(y_prev, y)."""
    return similarity(group.previous, rollout.result.text)


def _reward(rollout: Rollout) -> float:
    return rollout.result.score or 0.0  # Sample leaves out what could not be scored


def _with(group: Group, metrics: Sequence[Metrics]) -> Group:
    rollouts = [
        rollout.model_copy(update={"metrics": each})
        for rollout, each in zip(group.rollouts, metrics, strict=True)
    ]
    return group.model_copy(update={"rollouts": rollouts})


def _numbers(group: Group) -> dict[str, object]:
    rollouts = [
        {"key": each.result.key, **(each.metrics.model_dump() if each.metrics else {})}
        for each in group.rollouts
    ]
    return {"sample": group.sample, "rollouts": rollouts}
