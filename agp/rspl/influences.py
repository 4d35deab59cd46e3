"""What commits go back to: an index of the ``influences`` that their evidence names.

The evidence is part of a commit's id and is what counts; the rows only make it quick to find.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from agp.store.tables import CommitRow, InfluenceRow, table

FIELD = "influences"
USED = "used"
"""The field of evidence that holds what the work behind a commit ran on: resource → digest."""

_INSERT = insert(table(InfluenceRow))


def influences_of(evidence: Mapping[str, Any]) -> list[str]:
    """The labels that evidence names, sorted; the run it comes from is one."""
    named: object = evidence.get(FIELD, [])
    labels = cast("list[object]", named) if isinstance(named, list) else []
    run = evidence.get("run")
    found = {each for each in labels if isinstance(each, str) and each}
    return sorted(found | ({f"run:{run}"} if isinstance(run, str) and run else set[str]()))


def used_in(evidence: Mapping[str, Any]) -> dict[str, str]:
    """Resource → digest of what the work behind a commit ran on."""
    used: object = evidence.get(USED, {})
    given = cast("dict[object, object]", used) if isinstance(used, dict) else {}
    return {str(name): str(digest) for name, digest in given.items()}


def note(session: Session, commits: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Index commits, given as id and evidence, in the transaction that writes them."""
    rows = [
        {"commit": commit, "label": label}
        for commit, evidence in commits
        for label in influences_of(evidence)
    ]
    if rows:
        session.connection().execute(_INSERT, rows)


def check(session: Session) -> Iterator[tuple[str, str]]:
    """Commits whose rows are not what their evidence says, and what is wrong.

    Commits of an agp that did not index have no rows at all; that is no fault.
    """
    found: dict[str, set[str]] = {}
    for commit, label in session.execute(select(InfluenceRow.commit, InfluenceRow.label)):
        found.setdefault(commit, set()).add(label)
    if not found:
        return
    indexed = CommitRow.id.in_(select(InfluenceRow.commit))
    query = select(CommitRow.id, CommitRow.evidence).where(indexed)
    told = {commit: set(influences_of(evidence)) for commit, evidence in session.execute(query)}
    for commit, labels in sorted(found.items()):
        if labels != told.get(commit):
            yield commit, "what it is said to go back to is not what its evidence says"
