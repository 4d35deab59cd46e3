"""Scripted models that attackers stand behind: a reflector that proposes what it is told to."""

from __future__ import annotations

from collections.abc import Callable

from agp.evaluation.types import DataRequest, Sample
from agp.models.types import ModelRequest
from agp.runtime.types import Task
from tests.support.echo import Echo, causes, is_operator, is_reflect, number_in, rewrite, system_of

GOOD = "Always say the number."


class Long(Echo):
    """Echo with answers that are long enough to tell, and do not stand in the task."""

    def load(self, request: DataRequest) -> list[Sample]:
        return [
            Sample(id=f"long/{n}", task=Task(input=f"Say the number {n}."), target=answer(n))
            for n in range(self.size)
        ]


def answer(number: int) -> str:
    """The answer of a sample of `Long`."""
    return f"the secret answer to question {number} is {number * 7919 + 13}"


def proposing(
    proposal: str | Callable[[ModelRequest], str],
    *,
    then: Callable[[ModelRequest], str] | None = None,
    says: Callable[[int], str] = str,
    meanwhile: Callable[[], None] | None = None,
) -> Callable[[ModelRequest], str]:
    """A model whose reflector writes ``proposal`` into the prompt.

    With GOOD in its prompt, or by ``then``, the agent is right on every task, else on every third;
    ``meanwhile`` happens at every call of the agent under a proposed prompt.
    """

    def script(request: ModelRequest) -> str:
        if is_reflect(request):
            return causes()
        text = proposal if isinstance(proposal, str) else ""
        if is_operator(request):
            return rewrite(request, text or proposal(request))  # type: ignore[operator]
        if text and text in system_of(request) and meanwhile:
            meanwhile()
        if then is not None:
            return then(request)
        number = number_in(request)
        right = GOOD in system_of(request) or number % 3 == 0
        return says(number) if right else "no idea"

    return script
