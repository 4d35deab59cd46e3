"""Writing to a log as the history does, and judging it as this user."""

from __future__ import annotations

from pathlib import Path

from agp.audit import log
from agp.audit.checkpoint import Checkpoint, sign_checkpoint
from agp.audit.checks import check_store
from agp.audit.entries import Row
from agp.audit.keys import load_private, vouched_for
from agp.audit.verdict import Verdict
from agp.store.database import Database
from agp.store.tables import CommitRow


def commit(database: Database, number: int) -> None:
    """A commit with its entry in one transaction, as the history makes it."""
    with database.write() as session:
        database.one_at_a_time(session)
        identity = f"{number:064x}"
        about = {"commit": identity, "branch": "main", "message": f"Change {number}"}
        log.append(session, "commit", "ada", about)
        session.add(
            CommitRow(
                id=identity,
                seq=number,
                branch="main",
                author="ada",
                operator="update",
                message="",
                evidence={},
                created_at="",
            )
        )


def note(database: Database, text: str = "approved") -> None:
    """An entry that is about no commit."""
    with database.write() as session:
        database.one_at_a_time(session)
        log.append(session, "approval", "grace", {"text": text})


def fill(database: Database) -> None:
    """Nine entries: the first, six commits, two notes."""
    for number in range(1, 7):
        commit(database, number)
        if number % 3 == 0:
            note(database)


def rows_of(database: Database) -> list[Row]:
    """The log as it is kept."""
    with database.read() as session:
        return list(log.rows(session))


def judge(database: Database, **given: object) -> Verdict:
    """The verdict on a store by this user."""
    with database.read() as session:
        return check_store(session, vouched=vouched_for(), **given)  # type: ignore[arg-type]


def sign(database: Database, key: Path) -> Checkpoint:
    """A checkpoint of a store as it is."""
    return sign_checkpoint(judge(database), load_private(key))


def kinds(verdict: Verdict) -> set[str]:
    """What was found, in one word each."""
    return {finding.what for finding in verdict.findings}
