"""``agp resume``: carry on a run that was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.evolve import Accept
from agp.cli.grouped import grouped
from agp.cli.options import Budget, Format, Output, PermissionMode, Place

if TYPE_CHECKING:
    from agp.store.database import Database


@grouped
def resume(
    place: Place,
    budget: Budget,
    run: Annotated[
        str | None, typer.Argument(help="The run's id; default: the newest that is unfinished.")
    ] = None,
    permissions: PermissionMode = None,
    output: Output = Format.table,
) -> None:
    """Carry on a run that was interrupted, killed, or stopped by its budget.

    Nothing that finished is done or paid for again, and the result is the one an uninterrupted
    run gives. A budget given here replaces the run's own, limit by limit.

    Examples:

      agp resume

      agp resume evolve-20260101-120000-ab12

      agp resume --budget-tokens 500000
    """
    from agp.cli.opening import opened
    from agp.cli.progress import progress
    from agp.cli.render import note
    from agp.cli.report import show_report
    from agp.in_sync import in_sync
    from agp.runs.journal import Journal

    with opened(place, permissions=permissions) as project:
        journal = Journal.reopen(project.database, run or _unfinished(project.database))
        config = journal.config
        if run is None:
            note(f"Run {journal.run}: {journal.kind} on {config['benchmark']}.")
        limits = {**config.get("budget", {}), **budget.limits()}
        tested = config.get("gate", {}).get("rule") != Accept.non_degrading
        with progress(tested=tested) as watch:
            work = project.aresume(journal.run, observer=watch, budget=limits)
            report = in_sync(work)
        show_report(report, output, place)


def _unfinished(database: Database) -> str | None:
    """The newest run that neither finished nor was refused; None if there is none."""
    from agp.runs.journal import RUNNING, STOPPED, list_runs

    open_ = (row.id for row in list_runs(database, 1000) if row.status in (RUNNING, STOPPED))
    return next(open_, None)
