"""Results that are kept for later runs: one row a content key, sealed by who measured it.

A score may decide what goes live, so a kept one counts only where its seal holds: it is signed
with the key of a writer that this user vouches for (as for the audit log). Any other is measured
anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.audit.keys import signed, vouched_for, writer_key
from agp.canonical import canonical_json
from agp.store.database import Database, insert_new
from agp.store.tables import EvaluationRow, now

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


def keep_result(session: Session, key: str, result: JsonObject) -> None:
    """Keep a result, sealed, unless one is kept already that this user may believe."""
    writer = writer_key()
    signature = writer.private.sign(_content(key, result)).hex()
    sealed = {**result, _SEAL: {"writer": writer.public, "signature": signature}}
    before = session.get(EvaluationRow, key)
    if before is None:
        row = {"key": key, "result": sealed, "created_at": now()}
        insert_new(session, EvaluationRow, row)
    elif not _holds(before.result.get(_SEAL), key, _bare(before.result), vouched_for()):
        before.result = sealed


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
