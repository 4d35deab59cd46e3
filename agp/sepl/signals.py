"""What the paper's other optimizers learn from, as messages: rollouts with metrics, gradients."""

from __future__ import annotations

from pydantic import BaseModel

from agp.evaluation.results import SampleResult
from agp.sepl.messages import Message, Traces


class Metrics(BaseModel):
    """The numbers of one rollout y (protocol §2.6, §2.7; formulas: `agp.sepl.formulas`).

    ``reward`` r; ``similarity`` η(y_prev, y); ``ratio`` π; ``penalty`` pen, 0 where the optimizer
    has none; ``advantage`` A; ``objective`` J.
    """

    reward: float
    similarity: float
    ratio: float
    penalty: float = 0.0
    advantage: float
    objective: float


class Rollout(BaseModel):
    """y_i: one scored answer; ``metrics`` are Reward's."""

    result: SampleResult
    metrics: Metrics | None = None


class Group(BaseModel):
    """The rollouts of one feedback sample: {y_1 … y_K}.

    ``previous`` is y_prev, the answer of the step before; ``reference`` is y_sft.
    """

    sample: str
    previous: str
    reference: str
    rollouts: list[Rollout]


class Rollouts(Message):
    """What Sample drew, and Reward measured. No groups where there is nothing left to learn."""

    traces: Traces
    groups: list[Group]


class Gradients(Message):
    """What Loss wrote: textual gradients g, none where nothing is left to mend.

    ``seen`` are the results that the critic was shown.
    """

    traces: Traces
    items: list[str]
    seen: list[SampleResult]


class Buffers(Message):
    """What Backward gathered: variable id → the gradients it has not yet followed, oldest first."""

    traces: Traces
    seen: list[SampleResult]
    gradients: dict[str, list[str]]
