"""Experiments on a real model, cell by cell: each is a run in a project of its own, so that a table
that takes hours may be stopped and gone on with at any moment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import agp
from agp.runs.journal import FINISHED, list_runs
from agp.sepl.report import EvolveReport


def cell(folder: Path, benchmark: str, agent: str, settings: Mapping[str, Any]) -> EvolveReport:
    """The report of one cell: read, carried on, or begun. Raises what a run raises."""
    name = folder.name
    with agp.Project(folder, model="embedded", permissions="auto") as project:
        rows = [row for row in list_runs(project.database) if row.kind == "evolve"]
        done = [row for row in rows if row.status == FINISHED]
        if done:
            report = project.resume(done[0].id)
        elif rows:
            print(f"{name}: going on with {rows[0].id}", flush=True)
            report = project.resume(rows[0].id)
        else:
            print(f"{name}: begun", flush=True)
            report = project.evolve(benchmark, agent, **settings)
    assert isinstance(report, EvolveReport)
    return report


def finished(folder: Path) -> bool:
    """Whether a cell is done; looks only."""
    store = folder / ".agp" / "store.db"
    if not store.exists():
        return False
    from agp.store.database import Database

    database = Database(store, create=False, migrate=False)
    try:
        return any(row.status == FINISHED for row in list_runs(database))
    finally:
        database.close()


def line(score: Any) -> str:
    """A score with its interval and n, in percent."""
    if score is None:
        return "-"
    return f"{100 * score.mean:.1f} ({100 * score.low:.0f} to {100 * score.high:.0f}), n {score.n}"
