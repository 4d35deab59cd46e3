"""Looking at the budgets that all work on a store shares, and changing them: always audited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from agp.audit import log as audit
from agp.budget.accounts import is_gone, reserved
from agp.budget.amounts import Amounts, Budget, narrower
from agp.store.database import Database
from agp.store.tables import AccountRow, JsonObject, ReservationRow, now

KIND = "budget"
"""Of entries in the audit log."""


@dataclass(frozen=True)
class Standing:
    """How a shared budget stands: its limits, what is spent, what is set aside."""

    scope: str
    limits: Budget
    spent: Amounts
    reserved: Amounts

    def data(self) -> JsonObject:
        """The same as JSON."""
        limits = self.limits.limits()
        return {
            "scope": self.scope,
            "limits": limits,
            "spent": self.spent.data(),
            "reserved": self.reserved.data(),
        }


def standings(database: Database, policy: Mapping[str, Budget]) -> list[Standing]:
    """Every shared budget of a store; ``policy`` are limits of scopes beside its own."""
    with database.read() as session:
        rows = session.scalars(select(AccountRow).where(AccountRow.scope.not_like("run/%")))
        known = {row.scope: row for row in rows}
        found: list[Standing] = []
        for scope in sorted({*known, *(s for s, limits in policy.items() if limits)}):
            row = known.get(scope)
            own = Budget.model_validate(row.limits) if row else Budget()
            limits = narrower(own, policy.get(scope, Budget()))
            spent = Amounts.read(row.spent) if row else Amounts()
            found.append(Standing(scope, limits, spent, reserved(session, scope)))
    return found


def set_limits(
    database: Database, scope: str, limits: Mapping[str, float | None], *, author: str
) -> Budget:
    """Change limits of a scope, None lifts one; what is spent stays. Returns all its limits."""
    with database.write() as session:
        database.one_at_a_time(session)
        row = session.get(AccountRow, scope)
        before = Budget.model_validate(row.limits) if row else Budget()
        after = Budget.model_validate({**before.limits(), **limits})
        data = after.limits()
        if row is None:
            session.add(AccountRow(scope=scope, limits=data, spent={}, updated_at=now()))
        else:
            row.limits, row.updated_at = data, now()
        changed = {"scope": scope, "before": before.limits(), "limits": data}
        audit.append(session, KIND, author, {"action": "set", **changed})
    return after


def reset(database: Database, scope: str, *, author: str) -> Amounts:
    """Begin to count anew: nothing is spent. What runs hold that go on stays set aside.

    Returns what was spent, with what processes had held that are gone.
    """
    with database.write() as session:
        database.one_at_a_time(session)
        row = session.get(AccountRow, scope)
        was = Amounts.read(row.spent) if row else Amounts()
        for left in session.scalars(select(ReservationRow).where(ReservationRow.scope == scope)):
            if is_gone(left.id):
                was += Amounts.read(left.amounts)
                session.delete(left)
        if row is not None:
            row.spent, row.updated_at = {}, now()
        payload = {"action": "reset", "scope": scope, "spent": was.data()}
        audit.append(session, KIND, author, payload)
    return was
