"""Select σ : V × ℘(H) → ℘(D). Which variables are implicated, and concrete edits to them.

The reflector chooses a strategy of change, which is a prompt resource named ``strategy.…``, for
one variable, and fills it in; or it rewrites the variable freely. What was tried on the
same text is not offered again.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from agp.canonical import digest
from agp.rspl.entities import EntityType, Record
from agp.rspl.kinds.prompt import Prompt, placeholders_of
from agp.rspl.view import View
from agp.sepl.edits import Edit, Insert, Replace
from agp.sepl.lab import Idea, Lab, Question
from agp.sepl.messages import Hypotheses, Modifications, Proposal
from agp.sepl.provenance import influences, origins
from agp.sepl.steps.reflect import REPETITIONS, clip, failures
from agp.sepl.variables import Variable, lift, trainable
from agp.taint import quoted

REWRITE = "rewrite"
_PREFIX = "strategy."
_TEMPERATURE = 0.8


class Choice(BaseModel):
    """What the reflector replies: one of the changes on offer, and the text that fills it in."""

    change: str
    text: str = Field(min_length=1)


class Select:
    """Asks the reflector for up to ``lab.candidates`` different proposals."""

    name = "select"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: View, message: Hypotheses, /) -> tuple[View, Modifications]:
        theta = trainable(lift(view, self.lab.agent, self.lab.mode, self.lab.envelope))
        texts = [each for each in theta.values() if each.form in ("text", "code")]
        wanted = self.lab.candidates if message.items and texts else 0
        proposals: list[Proposal] = []
        proposed: list[Idea] = []
        for number in range(1, wanted + 1):
            proposal = await self._propose(view, message, number, texts, proposed)
            if proposal is not None:
                proposals.append(proposal)
        traces = message.traces
        return view, Modifications(round=message.round, traces=traces, items=proposals)

    async def _propose(
        self,
        view: View,
        message: Hypotheses,
        number: int,
        texts: list[Variable],
        proposed: list[Idea],
    ) -> Proposal | None:
        strategies = self._strategies(view)
        ideas = self._on_offer(strategies, texts, proposed)
        if not ideas:
            return None
        choice = await self.lab.ask(
            view,
            Question(
                step=f"{message.round}/select/{number}",
                prompt="select",
                reply=_schema(ideas),
                fields={
                    "causes": quoted("\n".join(f"- {h.cause}" for h in message.items)),
                    "example": self._example(message),
                    "variables": "\n".join(map(_describe, texts)),
                    "strategies": _listed(strategies, ideas),
                    "tried": ", ".join(map(str, self.lab.tried)) or "nothing yet",
                },
                temperature=_TEMPERATURE,
                repetition=message.round * REPETITIONS + number,
            ),
        )
        if choice is None:
            return None
        idea = ideas[choice.change]
        self.lab.tried.append(idea)
        proposed.append(idea)
        return Proposal(
            id=f"r{message.round}c{number}",
            strategy=idea.strategy,
            rationale="; ".join(h.cause for h in message.items),
            edits=[_edit(idea, choice.text, strategies)],
            taint=origins(message.seen),
            influences=influences(message.seen, self.lab.journal.run),
        )

    def _strategies(self, view: View) -> dict[str, Record]:
        """The strategies of a view that fit the agent's tools, by short name."""
        tools = set(view.record(self.lab.agent).params["tools"])
        records = {
            rid.name.removeprefix(_PREFIX): view.record(rid)
            for rid in view
            if rid.type is EntityType.PROMPT and rid.name.startswith(_PREFIX)
        }
        return {
            name: record
            for name, record in records.items()
            if tools.issuperset(record.metadata.get("requires", []))
        }

    def _on_offer(
        self, strategies: dict[str, Record], texts: list[Variable], proposed: list[Idea]
    ) -> dict[str, Idea]:
        """The changes on offer, by the words that name them.

        A strategy is offered once for a text as it is; a rewrite of a text, which never comes
        out the same, once a round.
        """
        ideas = [
            Idea(strategy, text.id, digest(text.value))
            for strategy in [*strategies, REWRITE]
            for text in texts
            if text.form == "text" or strategy == REWRITE  # advice in prose breaks code
        ]
        gone = [idea for idea in self.lab.tried if idea.strategy != REWRITE] + proposed
        return {str(idea): idea for idea in ideas if idea not in gone}

    def _example(self, message: Hypotheses) -> str:
        failed = (message.seen or failures(message.traces))[0]
        return quoted(clip(self.lab.sample(failed).task.input))


def _schema(ideas: dict[str, Idea]) -> type[Choice]:
    offered: Any = (Literal[tuple(ideas)], ...)
    return create_model("Choice", __base__=Choice, change=offered)


def _edit(idea: Idea, text: str, strategies: dict[str, Record]) -> Edit:
    if idea.strategy == REWRITE:
        return Replace(variable=idea.variable, value=text)
    strategy = Prompt(**strategies[idea.strategy].params)
    return Insert(variable=idea.variable, text=strategy.render(advice=text.strip()).strip())


def _describe(variable: Variable) -> str:
    kept = ", ".join(f"{{{{{name}}}}}" for name in sorted(placeholders_of(variable.value)))
    must = f"; it must keep {kept}" if kept else ""
    return f'- {variable.id} ({variable.role}{must}): """{variable.value}"""'


def _listed(strategies: dict[str, Record], ideas: dict[str, Idea]) -> str:
    offered = {idea.strategy for idea in ideas.values()}
    lines = [f"- {name}: {r.description}" for name, r in strategies.items() if name in offered]
    return "\n".join([*lines, f"- {REWRITE}: Write the whole text anew."])
