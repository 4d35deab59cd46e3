"""The state of the memories and environments of one task, as its agents change it.

All agents of a task (an agent and its sub-agents) work on the same state; no other task sees it.
Committing what changed is the caller's business: this room knows no store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.stateful import Held, StatefulKind
from agp.rspl.view import View
from agp.taint import USER, Carried


class StateChange(NamedTuple):
    """What a task made of a resource's state: the version it began with, and the new one."""

    base: Record
    mine: Record


class TaskState:
    """What is kept for one task.

    Parameters: ``files`` of the task: environments that take files start with them; ``origins``
    the labels of where the task comes from (see `agp.taint`). ``taint`` is all it has seen.
    """

    def __init__(
        self, files: Mapping[str, str] | None = None, *, origins: Sequence[str] = (USER,)
    ) -> None:
        self.taint = Carried(origins)
        self._files = dict(files or {})
        self._held: dict[ResourceId, Held] = {}

    def held(self, view: View, rid: ResourceId) -> Held:
        """A memory or environment in this task; as it is in ``view`` when it is first asked for.

        Raises NotFoundError, ResourceError where it cannot be built (with the task's files).
        """
        if rid not in self._held:
            kind = cast(StatefulKind, KINDS[rid.type])
            self._held[rid] = Held(kind, kind.started(view.record(rid), self._files))
        return self._held[rid]

    def changes(self, type_: EntityType = EntityType.MEMORY) -> list[StateChange]:
        """What the task changed in resources of a type."""
        return [
            StateChange(held.base, held.record)
            for rid, held in sorted(self._held.items())
            if rid.type == type_ and held.record is not held.base
        ]
