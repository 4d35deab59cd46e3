"""Decisions on code: one row each, with its entry in the audit log, in one transaction.

Contract: an approval is for one code as one resource, in place of one other, under one policy, and
ends. Nothing changes or removes a decision; the newest counts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from agp.audit import log as audit
from agp.errors import InputError
from agp.rspl.approved import APPROVED, DECISION, REJECTED, introduction, standing
from agp.rspl.commits import checked_text
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.secrets import redact
from agp.store.tables import ApprovalRow, now
from agp.trust.versions import Brought

DAYS = 30
MOST_DAYS = 366
_LONGEST_NAME = 255
_LONGEST_REASON = 2_000


@dataclass(frozen=True)
class Approval:
    """A decision as it is stored; ``expires_at`` is None for a rejection."""

    id: int
    code: str
    parent: str | None
    policy: str
    resource: str
    decision: str
    reviewer: str
    reason: str
    created_at: str
    expires_at: str | None

    def data(self) -> dict[str, Any]:
        """The same as plain JSON data."""
        return asdict(self)


def approve(
    history: History, what: Brought, *, reviewer: str, reason: str, days: float = DAYS
) -> Approval:
    """Let code run in processes as one resource, for ``days``, under the policy in force.

    Parameters: ``what`` the code as the reviewer saw it (`agp.trust.find`); ``reason`` in words.
    Raises InputError, also where the code replaces something else by now.
    """
    if not 0 < days <= MOST_DAYS:
        raise InputError(f"An approval is for up to {MOST_DAYS} days, not {days:g}.")
    ends = datetime.now(UTC) + timedelta(days=days)
    return _decide(
        history, what, APPROVED, reviewer, reason, ends.isoformat(timespec="microseconds")
    )


def reject(history: History, what: Brought, *, reviewer: str, reason: str) -> Approval:
    """Note that code must not run in any process; no approval from before counts any more.

    That is so as whichever resource it was approved. Raises InputError as `approve`.
    """
    return _decide(history, what, REJECTED, reviewer, reason, None)


def approvals_of(history: History, code: str) -> list[Approval]:
    """All decisions on code, newest first."""
    query = select(ApprovalRow).where(ApprovalRow.code == code).order_by(ApprovalRow.id.desc())
    with history.database.read() as session:
        return [_approval(row) for row in session.scalars(query)]


def valid_approval(
    history: History,
    code: str,
    *,
    resource: ResourceId | str,
    parent: str | None,
    policy: str,
    moment: datetime | None = None,
) -> Approval | None:
    """The approval that counts for code as a resource, in place of ``parent``, under a policy.

    Parameters: ``moment`` when it must not have ended, now by default. None where there is none,
    or it was followed by a rejection.
    """
    moment = moment or datetime.now(UTC)
    with history.database.snapshot() as connection:
        for row in standing(connection, code, str(resource), policy, moment):
            if row.parent == parent:
                return _approval(row)
    return None


def _decide(
    history: History,
    what: Brought,
    decision: str,
    reviewer: str,
    reason: str,
    expires_at: str | None,
) -> Approval:
    reviewer, reason = redact(reviewer.strip()), redact(reason.strip())
    if not reviewer or not reason:
        raise InputError(
            "A decision needs a reviewer and a reason.", hint="Say why: --reason 'read it, pure'"
        )
    checked_text(reviewer, "The reviewer", _LONGEST_NAME)
    checked_text(reason, "The reason", _LONGEST_REASON)
    with history.database.write() as session:
        history.database.one_at_a_time(session)
        _check_unmoved(session, what)
        row = ApprovalRow(
            code=what.code,
            parent=what.parent,
            policy=history.origins.policy,
            resource=str(what.resource),
            decision=decision,
            reviewer=reviewer,
            reason=reason,
            created_at=now(),
            expires_at=expires_at,
        )
        session.add(row)
        session.flush()
        done = _approval(row)
        audit.append(session, DECISION, reviewer, done.data())
    with history.database.snapshot() as connection:
        history.origins.renew(connection)
    return done


def _check_unmoved(session: Session, what: Brought) -> None:
    """What was looked at is what is decided on."""
    now_ = introduction(session.connection(), what.code, str(what.resource))
    if now_ is None or (now_.parent, now_.commit) != (what.parent, what.commit):
        raise InputError(
            f"{what.resource} was changed since you looked at it: the code {what.code[:12]} "
            "replaces something else now.",
            hint=f"Look again: agp review show {what.code[:12]}",
        )


def _approval(row: ApprovalRow | Row[Any]) -> Approval:
    return Approval(
        id=row.id,
        code=row.code,
        parent=row.parent,
        policy=row.policy,
        resource=row.resource,
        decision=row.decision,
        reviewer=row.reviewer,
        reason=row.reason,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
