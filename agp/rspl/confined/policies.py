"""Agents: a policy that runs in the sandbox, with the model and its tools by grant only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agp.errors import ResourceError
from agp.frozen import thaw
from agp.rspl.confined import static
from agp.rspl.confined.calls import LONG, guest_call
from agp.rspl.entities import JsonObject, Record
from agp.sandbox.interface import Grant


@dataclass(frozen=True)
class Served:
    """One agent's run as confined code may see it: plain data, and what it may ask for."""

    data: JsonObject
    grants: Mapping[str, Grant]


class Servable(Protocol):
    """What an agent is handed for one task, as far as this room must know it."""

    def serve(self) -> Served:
        """The run as plain data, and its calls as grants."""
        ...

    def read(self, reply: JsonObject) -> Any:
        """The answer that a reply is. Raises ValueError for what is none."""
        ...


class ConfinedPolicy:
    """A policy that is made and run in the sandbox, anew for each task.

    Parameters: ``settings`` what it is constructed with. Raises ResourceError where its file is
    no Python, or its constructor cannot take the settings.
    """

    def __init__(self, record: Record, settings: JsonObject) -> None:
        shape = static.shape_of(record)
        takes = set(settings) if shape.parameters is None else set(shape.parameters)
        if odd := sorted(set(settings) - takes):
            raise ResourceError(
                f"{record.id} cannot be built from its policy settings {sorted(settings)}: its "
                f"class takes no {odd[0]!r}.",
                hint="Correct the policy settings, or what the class takes.",
            )
        self._record = record
        self._settings = settings

    async def run(self, run: Servable) -> Any:
        """The answer. Raises ConfinedFailure, ValueError where the policy fails."""
        served = run.serve()
        arguments: JsonObject = {"settings": thaw(self._settings), "run": served.data}
        reply = await guest_call(self._record, "run_policy", arguments, served.grants, LONG)
        return run.read(reply)
