"""Record bodies: each must be what its digest, its address and its uses say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import LargeBinary, cast, select
from sqlalchemy.orm import Session

from agp.canonical import canonical_json
from agp.errors import AgpError
from agp.rspl.entities import Record
from agp.rspl.kinds import KINDS
from agp.store.tables import ObjectRow, OriginRow, UseRow, VersionRow

Fault = tuple[str, str]
"""Which version, and what is wrong with its body."""

MALFORMED = (ValueError, TypeError, KeyError, AttributeError, RecursionError, AgpError)
"""What reading a value raises that no agp wrote."""
_BATCH = 500


def check_bodies(session: Session, progress: Callable[[int], None]) -> Iterator[Fault]:
    """Bodies that are not what they should be; ``progress`` is told how many were looked at."""
    body = ObjectRow.body
    raw = cast(body, LargeBinary) if session.get_bind().dialect.name == "sqlite" else body
    query = select(ObjectRow.digest, ObjectRow.type, ObjectRow.name, raw)
    codes, done = set(session.scalars(select(OriginRow.code))), 0
    for rows in session.execute(query.execution_options(yield_per=_BATCH)).partitions():
        digests = [row[0] for row in rows]
        uses = _uses(session, digests)
        named = set(
            session.scalars(select(VersionRow.digest).where(VersionRow.digest.in_(digests)))
        )
        for digest, type_, name, content in rows:
            data = content.encode() if isinstance(content, str) else bytes(content)
            where = f"{type_}/{name} {digest[:12]}"
            for fault in _faults(digest, (type_, name), data, uses.get(digest, set())):
                yield where, fault
            if digest in named and (fault := _unknown_code(data, codes)):
                yield where, fault
        progress(done := done + len(rows))


def _uses(session: Session, digests: Sequence[str]) -> dict[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = {}
    query = select(UseRow.digest, UseRow.type, UseRow.name).where(UseRow.digest.in_(digests))
    for digest, type_, name in session.execute(query):
        found.setdefault(digest, set()).add((type_, name))
    return found


def _unknown_code(body: bytes, known: set[str]) -> str | None:
    """What is wrong where nobody noted who wrote the code of a committed version."""
    try:
        record = Record.model_validate(json.loads(body))
        code = KINDS[record.type].code(record)
    except MALFORMED:
        return None  # said already
    lost = code is not None and code not in known
    return f"who wrote its code {code[:12]} is not noted" if lost and code else None


def _faults(
    digest: str, address: tuple[str, str], body: bytes, uses: set[tuple[str, str]]
) -> Iterator[str]:
    if hashlib.sha256(body).hexdigest() != digest:
        yield "its content does not match its digest"
    try:
        value = json.loads(body)
        if canonical_json(value) != body:
            yield "its content is not in canonical form"
        record = Record.model_validate(value)
        if record.digest != digest:
            yield "it reads back as another record"
        if (record.type.value, record.name) != address:
            yield f"it is a record of {record.id}"
        bound = {(used.type.value, used.name) for used in KINDS[record.type].dependencies(record)}
    except MALFORMED as error:
        yield f"it cannot be read: {first_line(error)}"
        return
    if bound != uses:
        names = ", ".join(sorted(f"{type_}/{name}" for type_, name in bound ^ uses))
        yield f"the dependency graph does not say what it uses: {names}"


def first_line(error: BaseException) -> str:
    """The first line of what an error says."""
    return next(iter(str(error).splitlines()), type(error).__name__)
