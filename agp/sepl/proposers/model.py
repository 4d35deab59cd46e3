"""A model that proposes: it chooses a strategy of change for one variable, or rewrites it.

Strategies are prompt resources named ``strategy.…``: a small model chooses better than it invents.
Each is offered with how often it helped so far in this store. What was tried on the same text is
not offered again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field, create_model

from agp.canonical import digest
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.kinds.prompt import Prompt, placeholders_of
from agp.rspl.view import View
from agp.runs.journal import Journal
from agp.sepl.edits import Edit, Insert, Replace
from agp.sepl.proposers import Brief, Draft, Maker
from agp.sepl.proposers.showing import clip
from agp.sepl.proposers.success import Success, strategies_so_far
from agp.sepl.reflector import Question, Reflector
from agp.sepl.variables import Variable
from agp.taint import quoted

REWRITE = "rewrite"
PREFIX = "strategy."
REPETITIONS = 1000
"""Rounds are this far apart, so that no round is answered from another's cache."""


class Idea(NamedTuple):
    """A strategy for one variable, as its text was (``base`` is the text's digest)."""

    strategy: str
    variable: str
    base: str

    def __str__(self) -> str:
        return f"{self.strategy} on {self.variable}"


class Choice(BaseModel):
    """What the model replies: one of the changes on offer, and the text that fills it in."""

    change: str
    text: str = Field(min_length=1)


class ModelProposer:
    """Asks the reflector model.

    Parameters: ``agent`` the one that evolves: a strategy must fit its tools; ``tasks`` the input
    of a feedback sample by its digest, to show one; ``makers`` strategies that make a resource,
    offered where the run may make one.
    """

    def __init__(
        self,
        reflector: Reflector,
        journal: Journal,
        agent: ResourceId,
        tasks: Mapping[str, str],
        makers: Sequence[Maker] = (),
    ) -> None:
        self.reflector = reflector
        self.journal = journal
        self.agent = agent
        self.tasks = tasks
        self.makers = {maker.name: maker for maker in makers}
        self._tried: list[Idea] = []
        self._proposed: tuple[int, list[Idea]] = (0, [])

    async def propose(self, view: View, brief: Brief) -> Draft | None:
        """See `Proposer`. Raises ProposerError where several replies in a row are unreadable."""
        texts = [each for each in brief.variables if each.form in ("text", "code")]
        known = strategies_of(view, self.agent) if brief.strategies else {}
        makers = {
            name: maker
            for name, maker in self.makers.items()
            if brief.strategies and maker.offered(brief)
        }
        ideas = self._on_offer([*known, *makers], texts, brief.round)
        if not ideas:
            return None
        success = strategies_so_far(self.journal) if known or makers else {}
        choice = await self.reflector.ask(
            view,
            Question(
                step=brief.step,
                prompt=brief.prompt,
                reply=_schema(ideas),
                fields={
                    "causes": quoted("\n".join(f"- {cause}" for cause in brief.causes)),
                    "example": self._example(brief),
                    "variables": "\n".join(map(_describe, texts)),
                    "strategies": _listed(known, makers, ideas, success),
                    "tried": ", ".join(map(str, self._tried)) or "nothing yet",
                    **brief.fields,
                },
                temperature=brief.temperature,
                repetition=brief.round * REPETITIONS + brief.number,
            ),
        )
        if choice is None:
            return None
        idea = ideas[choice.change]
        self._tried.append(idea)
        self._proposed[1].append(idea)
        if idea.strategy in makers:
            return await makers[idea.strategy].draft(view, brief, choice.text)
        return Draft(idea.strategy, [_edit(idea, choice.text, known)], "; ".join(brief.causes))

    def _on_offer(
        self, strategies: Sequence[str], texts: Sequence[Variable], round_: int
    ) -> dict[str, Idea]:
        """The changes on offer, by the words that name them.

        A strategy is offered once for a text as it is; a rewrite of a text, and making something,
        which never comes out the same, once a round.
        """
        if self._proposed[0] != round_:
            self._proposed = (round_, [])
        anew = {REWRITE, *self.makers}
        ideas = [
            Idea(strategy, text.id, digest(text.value))
            for strategy in [*(each for each in strategies if each not in anew), REWRITE]
            for text in texts
            if text.form == "text" or strategy == REWRITE  # advice in prose breaks code
        ]
        ideas += [Idea(name, str(self.agent), "") for name in strategies if name in self.makers]
        gone = [idea for idea in self._tried if idea.strategy not in anew] + self._proposed[1]
        return {str(idea): idea for idea in ideas if idea not in gone}

    def _example(self, brief: Brief) -> str:
        shown = next((self.tasks.get(result.sample_digest, "") for result in brief.seen), "")
        return quoted(clip(shown))


def strategies_of(view: View, agent: ResourceId) -> dict[str, Record]:
    """The strategies of a view that fit the agent's tools, by short name."""
    tools = set(view.record(agent).params["tools"])
    records = {
        rid.name.removeprefix(PREFIX): view.record(rid)
        for rid in view
        if rid.type is EntityType.PROMPT and rid.name.startswith(PREFIX)
    }
    return {
        name: record
        for name, record in records.items()
        if tools.issuperset(record.metadata.get("requires", []))
    }


def _schema(ideas: Mapping[str, Idea]) -> type[Choice]:
    offered: Any = (Literal[tuple(ideas)], ...)
    return create_model("Choice", __base__=Choice, change=offered)


def _edit(idea: Idea, text: str, known: Mapping[str, Record]) -> Edit:
    if idea.strategy == REWRITE:
        return Replace(variable=idea.variable, value=text)
    strategy = Prompt(**known[idea.strategy].params)
    return Insert(variable=idea.variable, text=strategy.render(advice=text.strip()).strip())


def _describe(variable: Variable) -> str:
    kept = ", ".join(f"{{{{{name}}}}}" for name in sorted(placeholders_of(variable.value)))
    must = f"; it must keep {kept}" if kept else ""
    return f'- {variable.id} ({variable.role}{must}): """{variable.value}"""'


def _listed(
    known: Mapping[str, Record],
    makers: Mapping[str, Maker],
    ideas: Mapping[str, Idea],
    success: Mapping[str, Success],
) -> str:
    offered = {idea.strategy for idea in ideas.values()}
    told = {name: record.description for name, record in known.items()}
    told |= {name: maker.about for name, maker in makers.items()}
    lines = [
        f"- {name}: {about}{success.get(name, '')}"
        for name, about in told.items()
        if name in offered
    ]
    return "\n".join([*lines, f"- {REWRITE}: Write the whole text anew."])
