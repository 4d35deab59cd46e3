"""Version names: every one must be the one that the history gives.

A version is named when it is first committed, with the next number of its resource; an import
names versions that were never committed here, and says so in the audit log.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agp.store.tables import ChangeRow, CommitRow, VersionRow

Fault = tuple[str, str]
"""Which resource, and what is wrong with its version names."""


def check_numbers(session: Session, imported: set[str] | None) -> Iterator[Fault]:
    """Version names that are not 1.0.0, 1.0.1 … in the order of their first commits.

    Parameters: ``imported`` the resources (``type/name``) whose order imports explain; None
    where that cannot be known of any.
    """
    first = (
        select(ChangeRow.after, func.min(CommitRow.seq).label("seq"))
        .join(CommitRow, CommitRow.id == ChangeRow.commit)
        .group_by(ChangeRow.after)
        .subquery()
    )
    columns = VersionRow.type, VersionRow.name, VersionRow.number, VersionRow.semver
    query = (
        select(*columns, VersionRow.digest, first.c.seq)
        .outerjoin(first, first.c.after == VersionRow.digest)
        .order_by(VersionRow.type, VersionRow.name, VersionRow.number)
    )
    rows = session.execute(query.execution_options(yield_per=1000))
    for (type_, name), versions in groupby(rows, key=lambda row: (row[0], row[1])):
        found, resource = list(versions), f"{type_}/{name}"
        explained = imported is None or resource in imported
        yield from ((resource, fault) for fault in _faults(found, explained=explained))


def _faults(versions: list[Any], *, explained: bool) -> Iterator[str]:
    for place, (_, _, number, semver, *_) in enumerate(versions):
        if number != place:
            yield f"its version number {place} is missing: number {number} follows"
            return
        if semver != f"1.0.{number}":
            yield f"version number {number} is called {semver}"
    if explained:
        return
    last = 0
    for *_, semver, digest, seq in versions:
        if seq is None:
            yield f"{semver} ({str(digest)[:12]}) was never committed"
        elif seq < last:
            yield f"{semver} ({str(digest)[:12]}) was committed before the version that precedes it"
        last = max(last, seq or 0)
