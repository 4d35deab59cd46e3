"""Model replies kept in the store, by the content key of their request."""

from __future__ import annotations

import asyncio

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.models.types import JsonObject
from agp.secrets import redact_json
from agp.store.database import Database, insert_new
from agp.store.tables import CallRow, now

_LOOKUP = 500


class StoreCallCache:
    """The call cache of one store.

    Replies are held until `flush`, which a run calls inside the transaction that records what
    they were for: a reply costs no transaction of its own. Look-ups of tasks that ask at the same
    time share a query.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: dict[str, JsonObject] = {}
        self._asked: dict[str, asyncio.Future[JsonObject | None]] = {}

    async def get_call(self, key: str) -> JsonObject | None:
        """The reply kept under ``key``."""
        if (waiting := self._pending.get(key)) is not None:
            return waiting["reply"]
        asked = self._asked.get(key)
        if asked is None:
            loop = asyncio.get_running_loop()
            if not self._asked:
                loop.call_soon(self._look_up)
            asked = self._asked[key] = loop.create_future()
        return await asyncio.shield(asked)  # one who is cancelled leaves it to the others

    def put_call(self, key: str, model: str, reply: JsonObject) -> None:
        """Keep a reply, unless it holds a secret: what is kept is what a call gives again."""
        if redact_json(reply) is not reply:
            return
        self._pending[key] = {"key": key, "model": model, "reply": reply, "created_at": now()}

    def flush(self, session: Session) -> None:
        """Write what is held, in a transaction of the caller's."""
        pending, self._pending = self._pending, {}
        if pending:  # in one order for all writers: no deadlocks
            insert_new(session, CallRow, [pending[key] for key in sorted(pending)])

    def _look_up(self) -> None:
        """Answer all who have asked since this was called for."""
        asked, self._asked = self._asked, {}
        try:
            found = self._kept(list(asked))
        except Exception as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # read, even where all who asked have been cancelled
            return
        for key, future in asked.items():
            future.set_result(found.get(key))

    def _kept(self, keys: list[str]) -> dict[str, JsonObject]:
        found: dict[str, JsonObject] = {}
        with self._database.snapshot() as connection:
            for start in range(0, len(keys), _LOOKUP):
                part = keys[start : start + _LOOKUP]
                query = select(CallRow.key, CallRow.reply).where(CallRow.key.in_(part))
                found.update((key, reply) for key, reply in connection.execute(query))
        return found
