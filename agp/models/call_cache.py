"""Model replies kept in the store, by the content key of their request."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.models.types import JsonObject
from agp.secrets import redact_json
from agp.store.database import Database, insert_new
from agp.store.tables import CallRow, now


class StoreCallCache:
    """The call cache of one store.

    Replies are held until `flush`, which a run calls inside the transaction that records what
    they were for: a reply costs no transaction of its own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: dict[str, JsonObject] = {}

    def get_call(self, key: str) -> JsonObject | None:
        """The reply kept under ``key``."""
        if (waiting := self._pending.get(key)) is not None:
            return waiting["reply"]
        with self._database.read() as session:
            return session.scalar(select(CallRow.reply).where(CallRow.key == key))

    def put_call(self, key: str, model: str, reply: JsonObject) -> None:
        """Keep a reply, unless it holds a secret: what is kept is what a call gives again."""
        if redact_json(reply) is not reply:
            return
        self._pending[key] = {"key": key, "model": model, "reply": reply, "created_at": now()}

    def flush(self, session: Session) -> None:
        """Write what is held, in a transaction of the caller's."""
        pending, self._pending = self._pending, {}
        for _, row in sorted(pending.items()):  # one order for all writers: no deadlocks
            insert_new(session, CallRow, row)
