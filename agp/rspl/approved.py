"""Which approvals count: for one code as one resource, in place of one other, under one policy.

Contract: reads decisions and history, decides nothing and writes nothing. `agp.trust` writes
decisions, `agp.rspl.origins` lets code run by what is found here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select

from agp.recent import Recent
from agp.rspl.entities import Record
from agp.rspl.kinds import KINDS
from agp.store.tables import ApprovalRow, ChangeRow, CommitRow, ObjectRow, RefRow, table

DECISION = "approval"
"""The kind of audit entry that every decision on code has, rejections too."""
APPROVED, REJECTED = "approved", "rejected"
KEEPING: Final = ("merge", "restore", "rollback")
"""Operators that bring back what was decided on before: they do not make a new parent."""

_APPROVALS, _OBJECTS, _REFS = table(ApprovalRow), table(ObjectRow), table(RefRow)
_CODES: Recent[str, str] = Recent(4096)
"""Digests of records and the code that is in them, empty for none."""


def code_of(record: Record) -> str | None:
    """The digest of the code that a record's instances run; None where they run none."""
    return KINDS[record.type].code(record)


def code_in(connection: Connection, digest: str | None) -> str | None:
    """The same for a record by its digest; None also where it is not in the store."""
    if digest is None:
        return None
    known = _CODES.get(digest)
    if known is None:
        query = select(_OBJECTS.c.body).where(_OBJECTS.c.digest == digest)
        body = connection.execute(query).scalar()
        if body is None:
            return None
        known = code_of(Record.model_validate(json.loads(body))) or ""
        if hashlib.sha256(body.encode()).hexdigest() == digest:  # else it was tampered with
            _CODES.put(digest, known)
    return known or None


def approved_until(
    connection: Connection,
    code: str,
    resource: str,
    policy: str,
    moment: datetime | None = None,
) -> datetime | None:
    """When the approval of code as a resource ends that counts now; None where there is none.

    It counts where it was given for this resource, under this policy, for replacing what the code
    replaces there, has not ended, and was not followed by a rejection.
    """
    rows = list(standing(connection, code, resource, policy, moment or datetime.now(UTC)))
    brought = introduction(connection, code, resource) if rows else None
    for row in rows:
        if brought is not None and brought.parent == row.parent:
            return datetime.fromisoformat(row.expires_at)
    return None


def standing(
    connection: Connection, code: str, resource: str, policy: str, moment: datetime
) -> Iterator[Row[Any]]:
    """The approvals of code as a resource, under a policy, that have not ended, newest first.

    A rejection of the code, as whichever resource, ends those before it.
    """
    query = select(_APPROVALS).where(_APPROVALS.c.code == code).order_by(_APPROVALS.c.id.desc())
    for row in connection.execute(query).all():
        if row.decision != APPROVED:
            return
        ends = row.expires_at
        if row.resource != resource or row.policy != policy or not ends:
            continue
        if datetime.fromisoformat(ends) > moment:
            yield row


def newest_decision(connection: Connection, code: str, resource: str) -> str | None:
    """What was decided last on code as a resource, None for nothing.

    A rejection is of the code, whichever resource it was looked at in.
    """
    query = select(_APPROVALS.c.decision).where(
        _APPROVALS.c.code == code,
        or_(_APPROVALS.c.resource == resource, _APPROVALS.c.decision == REJECTED),
    )
    return connection.execute(query.order_by(_APPROVALS.c.id.desc()).limit(1)).scalar()


@dataclass(frozen=True)
class Introduction:
    """How code came to a resource: the commit, the versions, and the code that it replaced."""

    commit: str
    after: str
    before: str | None
    parent: str | None


def introduction(connection: Connection, code: str, resource: str) -> Introduction | None:
    """The newest commit that made code live in a resource in place of other code.

    One that only brought back what was there before counts where there is no other.
    """
    type_, _, name = resource.partition("/")
    changes, commits = table(ChangeRow), table(CommitRow)
    query = (
        select(changes.c.commit, changes.c.before, changes.c.after, commits.c.operator)
        .join(commits, commits.c.id == changes.c.commit)
        .where(changes.c.type == type_, changes.c.name == name, changes.c.after.is_not(None))
        .order_by(commits.c.seq.desc())
    )
    brought_back: Introduction | None = None
    for commit, before, after, operator in connection.execute(query).all():
        if code_in(connection, after) != code:
            continue
        parent = code_in(connection, before)
        if parent != code:
            found = Introduction(commit, after, before, parent)
            if operator not in KEEPING:
                return found
            brought_back = brought_back or found
    return brought_back


def is_live(connection: Connection, code: str, resource: str) -> bool:
    """Whether a branch has code live in a resource now."""
    type_, _, name = resource.partition("/")
    query = select(_REFS.c.digest).where(_REFS.c.type == type_, _REFS.c.name == name).distinct()
    digests = connection.execute(query).scalars().all()
    return any(code_in(connection, digest) == code for digest in digests)
