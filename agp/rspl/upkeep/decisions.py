"""What people said of code, against the audit log: every decision is in both, and the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.audit import log
from agp.audit.entries import BEGIN, read_entry
from agp.errors import InputError
from agp.rspl.approved import DECISION
from agp.rspl.origins import ORIGINS
from agp.store.tables import ApprovalRow, OriginRow

Fault = tuple[str, str]
"""Which code, and what is wrong."""


def check_decisions(session: Session) -> Iterator[Fault]:
    """Approvals and rejections that were made, changed or taken away outside agp.

    Those whose entries are archived are taken as they are.
    """
    for code, origin in session.execute(select(OriginRow.code, OriginRow.origin)):
        if origin not in ORIGINS:
            yield str(code)[:12], f"{origin!r} is no origin of code"
    told, whole = _told(session)
    names = [column.name for column in ApprovalRow.__table__.columns]
    there = {row.id: {n: getattr(row, n) for n in names} for row in session.scalars(_ROWS)}
    for number in sorted(told.keys() | there.keys(), key=str):
        row, entry = there.get(number), told.get(number)
        if row is None and entry is not None:
            yield str(entry.get("code"))[:12], "a decision on it is gone; the audit log has it"
        elif row is not None and (row != entry if entry is not None else whole):
            yield row["code"][:12], "the audit log has no such decision on it"


_ROWS = select(ApprovalRow)


def _told(session: Session) -> tuple[dict[Any, dict[str, Any]], bool]:
    """Decisions by number as the log has them, and whether it has all."""
    told: dict[Any, dict[str, Any]] = {}
    whole, first = False, True
    for row in log.rows(session):
        try:
            entry = read_entry(row.body)
        except InputError:
            entry = None
        if first:
            whole, first = entry is not None and entry.kind == BEGIN, False
        if entry is not None and entry.kind == DECISION:
            told[entry.payload.get("id")] = entry.payload
    return told, whole
