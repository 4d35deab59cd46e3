"""Model replies kept in the store, by the content key of their request."""

from __future__ import annotations

from agp.models.types import JsonObject
from agp.store.database import Database
from agp.store.tables import CallRow, now


class StoreCallCache:
    """The call cache of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_call(self, key: str) -> JsonObject | None:
        """The reply kept under ``key``."""
        with self._database.read() as session:
            row = session.get(CallRow, key)
            return dict(row.reply) if row else None

    def put_call(self, key: str, model: str, reply: JsonObject) -> None:
        """Keep a reply; the newest wins."""
        with self._database.write() as session:
            session.merge(CallRow(key=key, model=model, reply=reply, created_at=now()))
