"""The log in the store: appending an entry to it, and reading it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import LargeBinary, cast, func, insert, select
from sqlalchemy.orm import Session

from agp.audit.entries import BEGIN, Entry, Row, read_entry
from agp.audit.keys import writer_key
from agp.canonical import canonical_json
from agp.errors import InputError, StoreError
from agp.secrets import redact, redact_json
from agp.store.tables import AuditRow, now

_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_BATCH = 1000

_LAST = select(AuditRow.seq, AuditRow.hash).order_by(AuditRow.seq.desc()).limit(1)
_INSERT = insert(AuditRow)


def append(session: Session, kind: str, actor: str, payload: dict[str, Any]) -> Entry:
    """Append an entry in the caller's transaction: the one that makes the change it records.

    The caller holds the store's one-writer lock from before it decided what to change
    (`Database.write` on SQLite; also `Database.one_at_a_time` on PostgreSQL): two entries must
    not follow the same one.

    Parameters: ``kind`` what happened (``commit``, ``approval`` …: lower-case letters, digits,
    ``_ . -``); ``actor`` who did it; ``payload`` the facts, plain JSON: secrets in them become
    ``[secret:…]``, because an entry is never changed.

    Raises InputError for what is not canonical JSON or not a kind, StoreError when the store has
    lost its log or this user's key cannot be used.
    """
    if not _KIND.fullmatch(kind) or kind == BEGIN:
        raise InputError(f"Not a kind of audit entry: {kind!r}.")
    connection = session.connection()
    last = connection.execute(_LAST).first()
    if last is None:
        raise StoreError(
            "The audit log of this store is gone: not even its first entry is there.",
            hint="Someone removed it. Restore a backup; nothing was changed.",
        )
    key, seq = writer_key(), last.seq + 1
    content: dict[str, Any] = {
        "seq": seq,
        "prev": last.hash,
        "at": now(),
        "kind": kind,
        "actor": redact(actor),
        "writer": key.public,
        "payload": redact_json(payload),
    }
    body = canonical_json(content)
    hashed = hashlib.sha256(body)
    signature = key.private.sign(hashed.digest()).hex()
    entry = Entry(**content, hash=hashed.hexdigest())
    row = {"seq": seq, "body": body.decode(), "hash": entry.hash, "signature": signature}
    connection.execute(_INSERT, row)
    return entry


def count(session: Session) -> int:
    """How many entries the store holds."""
    return session.scalar(select(func.count()).select_from(AuditRow)) or 0


def rows(
    session: Session, *, through: int | None = None, newest_first: bool = False
) -> Iterator[Row]:
    """The rows of the store as they are, one by one, optionally only those up to a seq."""
    connection = session.connection()
    kept: tuple[Any, Any, Any] = (AuditRow.body, AuditRow.hash, AuditRow.signature)
    if connection.dialect.name == "sqlite":  # which may hold bytes that are no text
        kept = (cast(kept[0], LargeBinary), cast(kept[1], LargeBinary), cast(kept[2], LargeBinary))
    order = AuditRow.seq.desc() if newest_first else AuditRow.seq
    query = select(AuditRow.seq, kept[0], kept[1], kept[2]).order_by(order)
    if through is not None:
        query = query.where(AuditRow.seq <= through)
    found = connection.execute(query, execution_options={"yield_per": _BATCH})
    for seq, body, hashed, signature in found:
        yield Row(seq, _bytes(body), _text(hashed), _text(signature))


def newest(
    session: Session, *, text: str = "", kind: str | None = None, actor: str | None = None
) -> Iterator[Entry]:
    """Entries, newest first: of a kind, of an actor, and with ``text`` in their payload.

    An entry that cannot be read is shown as kind ``unreadable``: `verify` says what is wrong.
    """
    for row in rows(session, newest_first=True):
        try:
            entry = read_entry(row.body)
        except InputError as error:
            why = {"why": error.message}
            entry = Entry(seq=row.seq, kind="unreadable", payload=why, hash=row.hash)
        if kind not in (None, entry.kind) or actor not in (None, entry.actor):
            continue
        if not text or text in canonical_json(entry.payload).decode():
            yield entry


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else bytes(value).decode("utf-8", "replace")
