"""From what a user has at hand to the runs to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agp.errors import InputError
from agp.runs.listing import LATEST, StoredRun, read_run
from agp.runs.report import Report
from agp.store.database import Database

if TYPE_CHECKING:
    from agp.project import Project

    Source = Project | Database | StoredRun | Sequence[StoredRun]
    Name = str | Report


def runs_of(source: Source, names: Sequence[Name]) -> list[StoredRun]:
    """The runs that are meant.

    Parameters: ``source`` is where runs are, or runs that were read already (then without
    ``names``). Raises InputError, NotFoundError.
    """
    if isinstance(source, StoredRun):
        source = [source]
    if isinstance(source, Sequence):
        if not source or names:
            raise InputError(
                "Give runs, or a project and the names of runs in it.",
                hint='plot.lineage(project, "latest")',
            )
        return list(source)
    database = source if isinstance(source, Database) else source.database
    ids = [name.run if isinstance(name, Report) else name for name in names or [LATEST]]
    return [read_run(database, each) for each in ids]


def run_of(source: Source, name: Name | None) -> StoredRun:
    """The same for a figure of one run."""
    runs = runs_of(source, [] if name is None else [name])
    if len(runs) > 1:
        raise InputError(f"This figure shows one run, not {len(runs)}.")
    return runs[0]
