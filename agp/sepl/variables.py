"""Variable lifting (Def. 3.4): heterogeneous resources as one kind of variable, and the mask."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agp.rspl.dependencies import closure
from agp.rspl.entities import EntityType, JsonObject, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.paths import find_path
from agp.rspl.view import View
from agp.sepl.envelope import Envelope

SOLUTION = "solution"
"""The id of y, the execution artifact: the agent's answer to one sample."""


class Mode(StrEnum):
    """Which variables may change: Prompt-Evo, Solution-Evo, or both."""

    PROMPT = "prompt"
    SOLUTION = "solution"
    JOINT = "joint"

    @property
    def resources(self) -> frozenset[EntityType]:
        """The entity types whose variables are trainable."""
        return frozenset() if self is Mode.SOLUTION else frozenset({EntityType.PROMPT})

    @property
    def solution(self) -> bool:
        """Whether y is trainable."""
        return self is not Mode.PROMPT


@dataclass(frozen=True)
class Variable:
    """One evolvable variable v.

    ``learnable`` is the constraint g_v: whether an optimizer may change it in this run. ``form``
    is ``text``, ``code`` or ``json``; ``role`` says what it is for; ``value`` is None for what is
    not there yet; ``schema`` is the JSON schema that a value must fit, if there is one; a
    ``derived`` variable follows from others: no edit gives it another value than they do; one that
    is ``only_new`` (a binding) may change only to take in what the same proposal makes; of one
    with ``settings`` the limits stay as they are.
    """

    resource: ResourceId
    path: str
    form: str
    role: str
    value: Any
    learnable: bool
    schema: JsonObject | None = None
    derived: bool = False
    only_new: bool = False
    settings: bool = False

    @property
    def id(self) -> str:
        """``type/name:path``."""
        return f"{self.resource}:{self.path}"


def lift(
    view: View, agent: ResourceId, mode: Mode, envelope: Envelope | None = None
) -> list[Variable]:
    """Every variable of an agent and what it uses, with its learnability in this mode.

    Parameters: ``envelope`` what the policy and the run let evolve; default: the default policy.
    The trainable subspace Θ is those with ``learnable``; the solution y is not listed, it has a
    value only while a sample is being solved.
    """
    variables: list[Variable] = []
    envelope = envelope or Envelope()
    for rid in closure(agent, view.record):
        record = view.record(rid)
        body = record.body()
        for part in KINDS[rid.type].parts(record):
            open_ = envelope.learnable(record, part, mode.resources)
            new = not open_ and envelope.takes_new(record, part, mode.resources)
            variables.append(
                Variable(
                    resource=rid,
                    path=part.path,
                    form=part.form,
                    role=part.role,
                    value=find_path(body, part.path),
                    learnable=open_ or new,
                    schema=part.schema,
                    derived=part.derived,
                    only_new=new,
                    settings=part.settings,
                )
            )
    return variables


def trainable(variables: list[Variable]) -> dict[str, Variable]:
    """Θ: id → variable, for those that may change."""
    return {variable.id: variable for variable in variables if variable.learnable}
