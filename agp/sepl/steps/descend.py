"""Improve ι of TextGrad (Algorithm 2): textual gradient descent on every variable at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agp.errors import EditError
from agp.rspl.view import View
from agp.sepl.edits import Edit, apply_edits
from agp.sepl.lab import Lab
from agp.sepl.messages import Modifications, Proposal
from agp.sepl.proposers import Brief, Draft
from agp.sepl.provenance import influences, origins
from agp.sepl.signals import Buffers
from agp.sepl.variables import Variable


class Descend:
    """Has each variable rewritten (M_opt) from its role, value and gradients: one candidate a step.

    An edit that is at fault by itself (a lost placeholder, a change outside the envelope) is left
    out where others are sound, so that it does not spoil them.
    """

    name = "descend"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Buffers, /) -> tuple[View, Modifications]:
        theta = self.lab.theta(view)
        drafts = [
            draft
            for number, names in enumerate(self._together(message.gradients), start=1)
            if (draft := await self._ask(view, message, number, [theta[n] for n in names]))
        ]
        edits = [edit for draft in drafts for edit in draft.edits]
        sound = [edit for edit in edits if self._sound(view, theta, edit)] or edits
        items = [self._proposal(message, drafts[0], sound)] if sound else []
        return view, Modifications(round=message.round, traces=message.traces, items=items)

    def _together(self, gradients: Mapping[str, Sequence[str]]) -> list[list[str]]:
        """Which variables are asked about together: a model rewrites one text, a function all."""
        if self.lab.reflector is None:
            return [list(gradients)] if gradients else []
        return [[variable] for variable in gradients]

    async def _ask(
        self, view: View, message: Buffers, number: int, variables: Sequence[Variable]
    ) -> Draft | None:
        return await self.lab.proposer.propose(
            view,
            Brief(
                step=f"{message.round}/descend/{number}",
                round=message.round,
                number=number,
                variables=variables,
                seen=message.seen,
                causes=message.gradients[variables[0].id],
                prompt="textgrad.improve",
                strategies=False,
            ),
        )

    def _sound(self, view: View, theta: Mapping[str, Variable], edit: Edit) -> bool:
        try:
            apply_edits(view, theta, [edit], self.lab.envelope)
        except EditError:
            return False
        return True

    def _proposal(self, message: Buffers, draft: Draft, edits: list[Edit]) -> Proposal:
        gradients = dict.fromkeys(g for buffer in message.gradients.values() for g in buffer)
        return Proposal(
            id=f"r{message.round}c1",
            strategy=draft.strategy,
            rationale="; ".join(gradients),
            edits=edits,
            taint=origins(message.seen),
            influences=influences(message.seen, self.lab.journal.run),
        )
