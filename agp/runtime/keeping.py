"""Commits what tasks remembered, so that later sessions recall it.

Nothing but this: what a task changed in environments is dropped, and benchmark and evolution
runs keep nothing at all, because they run on immutable views.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from agp.rspl.commits import Commit
from agp.rspl.conflicts import retry_on_conflict
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.stateful import StatefulKind
from agp.rspl.registry import Registry
from agp.runtime.task_state import StateChange


def keep(registry: Registry, changes: Iterable[StateChange], *, message: str) -> list[Commit]:
    """Make changed state live, merged with what others committed since the task began.

    Two tasks that both remember lose nothing of each other; what was unregistered meanwhile keeps
    nothing. Returns the commits made. Raises ConflictError where others are always faster.
    """

    def commit(change: StateChange) -> Commit | None:
        base, mine = change
        view = registry.view()
        if mine.id not in view:
            return None
        theirs = view.record(mine.id)
        kind = cast(StatefulKind, KINDS[mine.type])
        merged = mine if theirs.digest == base.digest else kind.merge_state(base, mine, theirs)
        return registry.commit(
            {mine.id: merged}, operator="run", message=message, base={mine.id: theirs.digest}
        )

    commits = [retry_on_conflict(lambda each=change: commit(each)) for change in changes]
    return [each for each in commits if each]
