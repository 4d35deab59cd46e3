"""Results that are kept for later runs: one row a content key, sealed by who measured it.

A score may decide what goes live, so a kept one counts only where its seal holds: it is signed
with the key of a writer that this user vouches for (as for the audit log). Any other is measured
anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from agp.audit.keys import Key, signed, vouched_for, writer_key
from agp.canonical import canonical_json
from agp.store.database import Database, insert_new
from agp.store.tables import EvaluationRow, now, table

JsonObject = dict[str, Any]

_LOOKUP = 500
_SEAL = "seal"


def kept_results(database: Database, keys: Sequence[str]) -> dict[str, JsonObject]:
    """What earlier runs measured and this user may believe, by key."""
    known: dict[str, JsonObject] = {}
    vouched = vouched_for()
    with database.read() as session:
        for start in range(0, len(keys), _LOOKUP):
            part = EvaluationRow.key.in_(keys[start : start + _LOOKUP])
            query = select(EvaluationRow.key, EvaluationRow.result).where(part)
            for key, result in session.execute(query):
                seal, bare = result.get(_SEAL), _bare(result)
                if _holds(seal, key, bare, vouched):
                    known[key] = bare
    return known


def keep_results(session: Session, results: Mapping[str, JsonObject]) -> None:
    """Keep results by key, sealed, unless one is kept already that this user may believe."""
    if not results:
        return
    rows = table(EvaluationRow)
    before = {
        key: result
        for start in range(0, len(results), _LOOKUP)
        for key, result in session.connection().execute(
            select(rows.c.key, rows.c.result).where(
                rows.c.key.in_(list(results)[start : start + _LOOKUP])
            )
        )
    }
    moment, writer = now(), writer_key()
    new = [
        {"key": key, "result": _sealed(writer, key, results[key]), "created_at": moment}
        for key in sorted(results.keys() - before.keys())  # one order for all writers
    ]
    if new:
        insert_new(session, EvaluationRow, new)
    vouched = vouched_for() if before else frozenset[str]()
    for key, result in before.items():
        if not _holds(result.get(_SEAL), key, _bare(result), vouched):
            sealed = _sealed(writer, key, results[key])
            session.connection().execute(
                update(rows).where(rows.c.key == key).values(result=sealed)
            )


def _sealed(writer: Key, key: str, result: JsonObject) -> JsonObject:
    signature = writer.private.sign(_content(key, result)).hex()
    return {**result, _SEAL: {"writer": writer.public, "signature": signature}}


def _bare(result: JsonObject) -> JsonObject:
    return {name: value for name, value in result.items() if name != _SEAL}


def _content(key: str, result: JsonObject) -> bytes:
    return canonical_json({"key": key, "result": result})


def _holds(seal: object, key: str, result: JsonObject, vouched: frozenset[str]) -> bool:
    if not isinstance(seal, dict):
        return False
    given = cast("dict[str, object]", seal)
    writer, signature = given.get("writer"), given.get("signature")
    if not isinstance(writer, str) or not isinstance(signature, str) or writer not in vouched:
        return False
    return signed(writer, signature, _content(key, result))
