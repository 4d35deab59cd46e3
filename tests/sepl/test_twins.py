"""Who recognises samples is refused; who solves them is not, also where words are shared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agp.evaluation.types import DataRequest, Sample
from agp.project import Project
from agp.runtime import Task
from agp.sepl.twins import _verdict
from tests.attacks.gate.case import Yard
from tests.attacks.gate.models import proposing
from tests.support.echo import Echo, number_in, system_of

WORDS = [
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "ivory", "jetty",
    "knoll", "larch", "maple", "ochre",
]  # fmt: skip
MENTIONS = f"Say the number. Beware of {', '.join(WORDS)}."
BLOB = "Say the number. QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3"


class Named(Echo):
    """Echo, with a word of its own in every third task."""

    def load(self, request: DataRequest) -> list[Sample]:
        words = [WORDS[n // 5] if n % 5 == 0 else "" for n in range(self.size)]
        tasks = [f"Say the number {n}. {word}".strip() for n, word in enumerate(words)]
        return [
            Sample(id=f"named/{n}", task=Task(input=task), target=str(n))
            for n, task in enumerate(tasks)
        ]


def _model(proposal: str, *, by_heart: bool) -> Callable[[Any], str]:
    """Right under the proposed prompt; by heart only where a task stands as it was written."""

    def agent(request: Any) -> str:
        number = number_in(request)
        task = next(m["content"] for m in request.messages if m["role"] == "user")
        helped = proposal in system_of(request) and (not by_heart or task == task.strip())
        return str(number) if helped or number % 3 == 0 else "no idea"

    return proposing(proposal, then=agent)


def evolved(yard: Yard, proposal: str, *, by_heart: bool) -> Any:
    project: Project = yard.project(_model(proposal, by_heart=by_heart))
    sizes = {"feedback": 10, "selection": 10, "holdout": 50}
    return project.evolve(Named(70), rounds=1, candidates=1, **sizes)


def test_who_solves_tasks_with_words_it_shares_is_not_refused() -> None:
    with Yard() as yard:
        assert evolved(yard, MENTIONS, by_heart=False).commit


@pytest.mark.parametrize(
    ("gains", "left", "refused"),
    [
        ([1.0] * 6, [0.0] * 6, True),
        ([1.0] * 6, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0], False),
        ([1.0] * 3 + [0.0] * 3, [0.0] * 6, False),
        ([0.0] * 6, [0.0] * 6, False),
        ([1.0] * 4, [0.0] * 4, False),
    ],
)
def test_a_gain_vanishes_only_where_chance_does_not_explain_it(
    gains: list[float], left: list[float], refused: bool
) -> None:
    assert _verdict(gains, left).startswith("recognised_samples") == refused
