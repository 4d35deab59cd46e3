"""Moving old entries to a file, up to a signed checkpoint, without loosening the chain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Set
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from agp.audit import log
from agp.audit.checkpoint import Checkpoint
from agp.audit.checks import check_store, commit_ids
from agp.audit.entries import ARCHIVE, Entry, cover
from agp.audit.files import export_lines, save_new
from agp.audit.verdict import Verdict
from agp.errors import InputError, StoreError
from agp.store.database import Database
from agp.store.tables import AuditRow


def archive(
    database: Database, checkpoint: Checkpoint, path: Path, *, actor: str, vouched: Set[str]
) -> Entry:
    """Move the entries up to ``checkpoint`` to the new file ``path``; returns the entry about it.

    The file is whole, durable and equal to what the store holds before anything is removed; the
    removal and its entry, which carries the checkpoint, are one transaction. Interrupted between
    the two, the store is as it was, and the same call may be repeated with the same file.

    Raises InputError when the log has findings or does not extend the checkpoint, when nothing is
    left to archive, or when another file is in the way; StoreError when the log changed meanwhile.
    """
    with database.read() as session:
        verdict = check_store(session, vouched=vouched, expect=checkpoint)
        _refuse(verdict, checkpoint)
        _save(session, checkpoint, path)
        about = _about(session, verdict, checkpoint)
    with database.write() as session:
        database.one_at_a_time(session)
        about["sha256"] = _compare(session, checkpoint, path)
        entry = log.append(session, ARCHIVE, actor, about)
        session.execute(delete(AuditRow).where(AuditRow.seq <= checkpoint.seq))
    return entry


def _refuse(verdict: Verdict, checkpoint: Checkpoint) -> None:
    if verdict.findings:
        raise InputError(
            f"Nothing was archived: the log has {len(verdict.findings)} findings, the first: "
            f"{verdict.findings[0].message}",
            hint="See them all with: agp audit verify --expect CHECKPOINT",
        )
    if verdict.first is None or verdict.first > checkpoint.seq:
        raise InputError(
            f"The entries up to this checkpoint ({checkpoint.seq}) are archived already.",
            hint="Make a new checkpoint with: agp audit checkpoint --key FILE -o FILE",
        )


def _save(session: Session, checkpoint: Checkpoint, path: Path) -> None:
    if path.exists() and _same(session, checkpoint, path):
        return  # an archive that was interrupted after its file was written
    save_new(path, export_lines(log.rows(session, through=checkpoint.seq)))


def _about(session: Session, verdict: Verdict, checkpoint: Checkpoint) -> dict[str, Any]:
    assert verdict.covered is not None
    told = sum(seq <= checkpoint.seq for seq, _ in verdict.commits)
    covered = cover(commit_ids(session)[: verdict.covered.commits + told])
    return {"first": verdict.first, "checkpoint": checkpoint.model_dump(), **covered._asdict()}


def _same(session: Session, checkpoint: Checkpoint, path: Path) -> bool:
    pairs = zip_longest(_file_lines(path), export_lines(log.rows(session, through=checkpoint.seq)))
    return all(kept == line for kept, line in pairs)


def _compare(session: Session, checkpoint: Checkpoint, path: Path) -> str:
    """SHA-256 of the file. Raises StoreError unless it holds exactly what is to be removed."""
    if not _same(session, checkpoint, path):
        raise StoreError(
            f"{path} is not what the store holds: one of them changed a moment ago.",
            hint="Nothing was removed. Run it again with another file name.",
        )
    hashed = hashlib.sha256()
    for line in _file_lines(path):
        hashed.update(line)
    return hashed.hexdigest()


def _file_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise InputError(f"{path} cannot be read back: {error.strerror}.") from error
