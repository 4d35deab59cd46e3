"""Proposers: who turns what failed into edits. A model does, or a function of the user's.

Optimizers differ in what they learn from and how they search; all of them ask the same proposer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agp.evaluation.results import SampleResult
from agp.rspl.view import View
from agp.sepl.edits import Edit
from agp.sepl.variables import Variable


@dataclass(frozen=True)
class Brief:
    """What a proposer is told.

    Parameters: ``step`` names the proposal within the run; ``number`` counts it within its round;
    ``variables`` may change; ``seen`` are the results it learns from; ``causes`` say in words what
    went wrong; ``prompt`` is the resource that asks a model, with ``fields`` for placeholders of
    its own; ``strategies`` whether named strategies of change are offered beside a rewrite.
    """

    step: str
    round: int
    number: int
    variables: Sequence[Variable]
    seen: Sequence[SampleResult]
    causes: Sequence[str] = ()
    prompt: str = "select"
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    strategies: bool = True
    temperature: float = 0.8


@dataclass(frozen=True)
class Draft:
    """What a proposer answers: edits, the strategy they follow, and why."""

    strategy: str
    edits: Sequence[Edit]
    rationale: str = ""


class Proposer(Protocol):
    """Answers briefs. It must be reproducible on resume: what costs goes through the journal."""

    async def propose(self, view: View, brief: Brief) -> Draft | None:
        """A proposal; None where there is none (nothing left to try, an unreadable reply)."""
        ...


class Maker(Protocol):
    """A strategy of change that makes a resource and binds the agent to it, as one proposal."""

    name: str
    """What the strategy is called: ``create.tool``."""
    about: str
    """What it does, in a sentence, for a model that chooses among strategies."""

    def offered(self, brief: Brief) -> bool:
        """Whether the run may make such a resource, and bind the agent to it."""
        ...

    async def draft(self, view: View, brief: Brief, wish: str = "") -> Draft | None:
        """The proposal; None where there is none. ``wish`` says what is missing, if known."""
        ...
