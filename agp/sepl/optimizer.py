"""What an optimizer is: three operators, so that one search can be run, or asked and told.

    propose  (View, Message) → Candidates     what to try next
    assess   (View, Candidates) → Evaluations how good it is
    commit   (View, Evaluations) → Outcome    what the search goes on from

Calling an optimizer does all three, one round of the loop. `ask` and `tell` are for those who
assess candidates themselves: on a cluster, with people, in a notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agp.rspl.view import View
from agp.sepl.lab import Lab
from agp.sepl.messages import (
    Assessment,
    Candidates,
    Evaluations,
    Message,
    Outcome,
)
from agp.sepl.operators import Operator


@dataclass(frozen=True)
class Optimizer:
    """A search, as operators. Make one with a function ``(lab) -> Optimizer``.

    Parameters: ``propose`` usually is a `Composition` that begins with `Execute` (or another
    operator that says what to learn from) and ends with `Improve`; ``assess`` and ``commit`` are
    mostly those that are there (`agp.sepl.steps`); ``more`` is how many evaluations a round takes
    beside a screen, selection and feedback, at most: the plan tells them.
    """

    propose: Operator[Message, Candidates]
    assess: Operator[Candidates, Evaluations]
    commit: Operator[Evaluations, Outcome]
    more: int = 0

    @property
    def name(self) -> str:
        """The names of its operators in order."""
        return " → ".join(each.name for each in (self.propose, self.assess, self.commit))

    async def ask(self, view: View, round_: int) -> tuple[View, Candidates]:
        """The candidates of a round, and the view that they are variations of."""
        return await self.propose(view, Message(round=round_))

    async def tell(
        self, view: View, candidates: Candidates, assessments: Sequence[Assessment]
    ) -> tuple[View, Outcome]:
        """Go on with what assessing the candidates gave; returns the best view so far."""
        told = Evaluations(
            round=candidates.round, traces=candidates.traces, items=list(assessments)
        )
        return await self.commit(view, told)

    async def __call__(
        self, view: View, message: Message, /, *, check: Callable[[], None] = lambda: None
    ) -> tuple[View, Outcome]:
        """One round; ``check`` is called before candidates are assessed, and after.

        Raises SearchSpent, ProposerError, ModelError, BudgetExhausted, and what ``check`` raises.
        """
        view, candidates = await self.propose(view, message)
        check()
        view, evaluations = await self.assess(view, candidates)
        check()
        return await self.commit(view, evaluations)


MakeOptimizer = Callable[[Lab], Optimizer]
