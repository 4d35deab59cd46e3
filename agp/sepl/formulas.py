"""The formulas of the paper's reinforcement optimizers, as pure functions of numbers.

Symbols are the paper's (protocol §2.6 and §2.7): r reward, η similarity, π policy ratio, A
advantage, J objective, ε clipping range, β weight of the penalty, ε0 the floor under its
logarithm. What texts the similarities compare is the business of `agp.sepl.steps.reward`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean, pstdev


class Ratio(StrEnum):
    """What stands for the policy ratio π.

    ``paper``: π = η(y_prev, y) itself. As η ≤ 1, it never exceeds 1, so the upper bound 1 + ε is
    never reached. ``centred``: π = η / η̄ with η̄ the mean over the rollouts compared. A ratio
    of probabilities has the mean 1 under the old policy; so has this one, and both bounds can act.
    """

    PAPER = "paper"
    CENTRED = "centred"


def ratios(similarities: Sequence[float], kind: Ratio = Ratio.PAPER) -> list[float]:
    """π for each η(y_prev, y_i).

    Where all similarities are 0 nothing tells the rollouts apart, and every centred ratio is 1.
    """
    if kind is Ratio.PAPER:
        return list(similarities)
    mean = fmean(similarities) if similarities else 0.0
    return [each / mean if mean > 0.0 else 1.0 for each in similarities]


def penalty(similarity: float, beta: float, epsilon0: float) -> float:
    """pen = β · |log max(η(y_sft, y), ε0)|, in [0, β · |log ε0|]; natural logarithm."""
    return beta * abs(math.log(max(similarity, epsilon0)))


def reinforce_advantage(reward: float, penalty_: float) -> float:
    """A = r − pen (Reinforce++)."""
    return reward - penalty_


def group_advantages(rewards: Sequence[float]) -> list[float]:
    """A_i = (r_i − mean(r)) / std(r) over one group (GRPO).

    std is the population's (divided by K, not K − 1): the group is all there is to compare with.
    Where all rewards are equal, std is 0 and nothing is better than the rest: every A_i is 0. So it
    is for one rollout.
    """
    # pstdev reckons in fractions: rewards that are equal have no deviation left by rounding.
    deviation = pstdev(rewards) if rewards else 0.0
    if deviation == 0.0:
        return [0.0] * len(rewards)
    mean = fmean(rewards)
    return [(reward - mean) / deviation for reward in rewards]


def reinforce_objective(ratio: float, advantage: float, epsilon: float) -> float:
    """J = min(π · A, clip(π, 1 − ε, 1 + ε) · A) (Reinforce++)."""
    clipped = min(max(ratio, 1.0 - epsilon), 1.0 + epsilon)
    return min(ratio * advantage, clipped * advantage)


def grpo_objective(ratio: float, advantage: float, epsilon: float) -> float:
    """J_i = min(π_i · A_i, π̄_i · A_i) (GRPO).

    π̄_i = min(π_i, 1 + ε) if A_i ≥ 0, else max(π_i, 1 − ε). The same number as
    `reinforce_objective` gives, written the other way.
    """
    bounded = min(ratio, 1.0 + epsilon) if advantage >= 0.0 else max(ratio, 1.0 - epsilon)
    return min(ratio * advantage, bounded * advantage)
