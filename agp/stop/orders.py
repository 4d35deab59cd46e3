"""Orders to stop, in the store: giving one, and reading the newest."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from agp.audit import log as audit
from agp.errors import Stopped
from agp.secrets import redact
from agp.store.database import Database
from agp.store.tables import StopRow, now

_NEWEST_ID = select(func.max(StopRow.id))
_NEWEST = (
    select(StopRow.id, StopRow.author, StopRow.reason, StopRow.created_at)
    .order_by(StopRow.id.desc())
    .limit(1)
)
_SINCE = "0003"
"""The schema that knows orders: an older store, which can only be read, has none."""


class Order(NamedTuple):
    """An order to stop: its number in the store, who gave it, why, and when."""

    id: int
    author: str
    reason: str
    created_at: str

    def error(self) -> Stopped:
        """What a run that it stops ends with."""
        why = f": {self.reason}" if self.reason else "."
        return Stopped(
            f"Stopped by {self.author}{why}",
            hint="Nothing was committed after the order.",
            author=self.author,
            reason=self.reason,
        )


def order(database: Database, author: str, reason: str = "") -> Order:
    """Stop every run that has begun on a store; later ones are not hindered."""
    author, reason = redact(author), redact(reason)
    with database.write() as session:
        database.one_at_a_time(session)
        row = StopRow(author=author, reason=reason, created_at=now())
        session.add(row)
        session.flush()
        made = Order(row.id, author, reason, row.created_at)
        audit.append(session, "stop", author, {"stop": made.id, "reason": reason})
    return made


def current(session: Session) -> int:
    """The number of the newest order, 0 where there is none."""
    return session.connection().execute(_NEWEST_ID).scalar() or 0


def noted(database: Database) -> int:
    """The same for a run that begins, on any store that can be read."""
    if not knows_orders(database):
        return 0
    with database.snapshot() as connection:
        return connection.execute(_NEWEST_ID).scalar() or 0


def newest(connection: Connection) -> Order | None:
    """The newest order."""
    row = connection.execute(_NEWEST).first()
    return Order(*row) if row else None


def knows_orders(database: Database) -> bool:
    """Whether a store can hold orders at all."""
    return database.schema is not None and database.schema >= _SINCE
