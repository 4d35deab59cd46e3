"""What the store keeps: the policies that were in force; denials and answers, audited."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.audit import log as audit
from agp.permissions.policy import Policy
from agp.secrets import refuse
from agp.store.database import Database
from agp.store.tables import PolicyRow, now

_NEWEST = select(PolicyRow).order_by(PolicyRow.created_at.desc()).limit(1)


def note_policy(database: Database, policy: Policy, text: str, *, actor: str) -> None:
    """Keep the policy of a project that is being opened, and audit that it is another one.

    The default policy is not noted in a store that never saw another.
    """
    with database.read() as session:
        newest = session.scalar(_NEWEST)
        if policy.digest == (newest.digest if newest else Policy().digest):
            return
    with database.write() as session:
        database.one_at_a_time(session)
        newest = session.scalar(_NEWEST)
        before = newest.digest if newest else Policy().digest
        if before == policy.digest:  # another process noted it meanwhile
            return
        _keep(session, policy, text)
        facts = {"before": before, "after": policy.digest, "mode": policy.mode.value}
        audit.append(session, "policy", actor, facts)


def note(database: Database, kind: str, actor: str, facts: dict[str, Any]) -> None:
    """Append an entry about a denial or an answer."""
    with database.write() as session:
        database.one_at_a_time(session)
        audit.append(session, kind, actor, facts)


def _keep(session: Session, policy: Policy, text: str) -> None:
    row = session.get(PolicyRow, policy.digest)
    if row is None:
        refuse(text, "The policy")
        row = PolicyRow(digest=policy.digest, text=text)
        session.add(row)
    row.created_at = now()  # in force since
    session.flush()
