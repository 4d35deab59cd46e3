"""Commits what tasks remembered, so that later sessions recall it.

Nothing but this: what a task changed in environments is dropped, and benchmark and evolution
runs keep nothing at all, because they run on immutable views.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from agp.rspl.commits import Commit
from agp.rspl.conflicts import retry_on_conflict
from agp.rspl.dependencies import closure
from agp.rspl.entities import ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.stateful import StatefulKind
from agp.rspl.registry import Registry
from agp.rspl.view import View
from agp.runtime.task_state import StateChange
from agp.taint import Carried, trace
from agp.taint.labels import with_kept


def keep(
    registry: Registry,
    changes: Iterable[StateChange],
    *,
    message: str,
    evidence: Mapping[str, Any] | None = None,
) -> list[Commit]:
    """Make changed state live, merged with what others committed since the task began.

    Two tasks that both remember lose nothing of each other; what was unregistered meanwhile keeps
    nothing. ``evidence`` says what the task had seen (see `remembered`): its ``taint`` is kept with
    the memory too, so that who recalls it is tainted by it. Returns the commits made. Raises
    ConflictError where others are always faster.
    """

    told = dict(evidence or {})

    def commit(change: StateChange) -> Commit | None:
        base, mine = change
        view = registry.view()
        if mine.id not in view:
            return None
        theirs = view.record(mine.id)
        kind = cast(StatefulKind, KINDS[mine.type])
        merged = mine if theirs.digest == base.digest else kind.merge_state(base, mine, theirs)
        return registry.commit(
            {mine.id: with_kept(merged, _lasting(told, mine.id))},
            operator="run",
            message=message,
            evidence=told,
            base={mine.id: theirs.digest},
        )

    commits = [retry_on_conflict(lambda each=change: commit(each)) for change in changes]
    return [each for each in commits if each]


def remembered(taint: Carried, view: View, agent: ResourceId) -> dict[str, Any]:
    """The evidence of what a task remembered: what it had seen, its trace, what it ran on."""
    labels = taint.labels
    traces = [trace(taint.trace_id)] if taint.trace_id else []
    return {
        "agent": str(agent),
        "taint": labels,
        "influences": sorted([*labels, *traces]),
        "used": {str(rid): view.refs[rid] for rid in closure(agent, view.record)},
    }


def _lasting(evidence: Mapping[str, Any], rid: ResourceId) -> list[str]:
    """The labels that stay with a memory: not its own name, which who recalls it gets anyway."""
    return [label for label in evidence.get("taint", []) if label != str(rid).replace("/", ":")]
