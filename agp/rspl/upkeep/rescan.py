"""Secrets in a store that was written before they were known: finding them, and taking them out.

Contract: traces, journals, results and notes are rewritten without their secrets, a batch a
transaction, each with an entry in the audit log; cached replies that hold one are removed. What
is named by its digest or signed (versions, commits, the audit log) is never changed, only told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from sqlalchemy import Table, delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from agp.audit import log as audit
from agp.secrets import find_json, is_redacted, redact_json
from agp.store.database import Database
from agp.store.tables import (
    AliasRow,
    ApprovalRow,
    AuditRow,
    Base,
    BranchRow,
    CallRow,
    CommitRow,
    EvaluationRow,
    EventRow,
    ObjectRow,
    PolicyRow,
    RunRow,
    SpanRow,
    StopRow,
    TagRow,
    VersionRow,
    table,
)

_BATCH = 200

Watch = Callable[[Iterable[Any]], Iterable[Any]]


class _Columns(NamedTuple):
    """Which columns of a table may hold what somebody wrote."""

    row: type[Base]
    names: tuple[str, ...]
    lasting: bool = False
    """Whether they are part of a digest or signed, and so are never rewritten."""


_TEXTS = (
    _Columns(SpanRow, ("name", "attributes", "events")),
    _Columns(EventRow, ("payload",)),
    _Columns(EvaluationRow, ("result",)),
    _Columns(CallRow, ("reply",)),
    _Columns(RunRow, ("config",)),
    _Columns(StopRow, ("author", "reason")),
    _Columns(ApprovalRow, ("reviewer", "reason")),
    _Columns(TagRow, ("name", "author", "message"), lasting=True),
    _Columns(AliasRow, ("alias",), lasting=True),
    _Columns(BranchRow, ("name",), lasting=True),
    _Columns(PolicyRow, ("text",), lasting=True),
    _Columns(ObjectRow, ("body",), lasting=True),
    _Columns(CommitRow, ("author", "operator", "message", "evidence"), lasting=True),
    _Columns(AuditRow, ("body",), lasting=True),
)


@dataclass(frozen=True)
class Leak:
    """A secret in the store: where, and of what kind; never what it is.

    ``key`` names the row, ``field`` the way to the text in it; ``remedy`` says what to do where
    the row is never rewritten.
    """

    table: str
    key: str
    field: str
    kind: str
    remedy: str = ""

    @property
    def lasting(self) -> bool:
        """Whether `rescan` leaves it where it is."""
        return bool(self.remedy)


def scan(database: Database, watch: Watch = iter) -> Iterator[Leak]:
    """Every secret in the store; nothing is changed. ``watch`` may show how far it is."""
    with database.read() as session:
        for columns, row in watch(_rows(session)):
            yield from _leaks(session, columns, row)


def count(database: Database) -> int:
    """How many rows `scan` looks at."""
    with database.read() as session:
        return sum(_count(session, columns.row) for columns in _TEXTS)


def rescan(database: Database, *, author: str = "user") -> dict[str, int]:
    """Take the secrets out of what may be rewritten; table → rows that were changed or removed.

    Each batch is one transaction with its audit entry. Follow with `agp.store.purge.purge`: until
    then the old bytes may lie in the files. Raises StoreError.
    """
    done: dict[str, int] = {}
    for columns in _TEXTS:
        if columns.lasting:
            continue
        name = table(columns.row).name
        last: tuple[Any, ...] | None = None
        while True:
            with database.write() as session:
                database.one_at_a_time(session)
                rows = _page(session, columns, last)
                changed = [row for row in rows if _clean(session, columns, row)]
                if changed:
                    done[name] = done.get(name, 0) + len(changed)
                    audit.append(
                        session, "redaction", author, {"table": name, "rows": len(changed)}
                    )
            if not rows:
                break
            last = _key(columns, rows[-1])
    return done


def as_data(leak: Leak) -> dict[str, Any]:
    """A leak as plain JSON data."""
    return {**asdict(leak), "lasting": leak.lasting}


def _rows(session: Session) -> Iterator[tuple[_Columns, Any]]:
    for columns in _TEXTS:
        last: tuple[Any, ...] | None = None
        while rows := _page(session, columns, last):
            yield from ((columns, row) for row in rows)
            last = _key(columns, rows[-1])


def _page(session: Session, columns: _Columns, after: tuple[Any, ...] | None) -> list[Any]:
    """The next rows by primary key, which grow while they are read and never come twice."""
    held = table(columns.row)
    keys = list(held.primary_key.columns)
    query = select(*keys, *(held.c[name] for name in columns.names if name not in _names(held)))
    if after is not None:
        query = query.where(tuple_(*keys) > after)
    found: Any = session.execute(query.order_by(*keys).limit(_BATCH))
    return list(found)


def _names(held: Table) -> list[str]:
    return [column.name for column in held.primary_key.columns]


def _key(columns: _Columns, row: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _names(table(columns.row)))


def _content(columns: _Columns, row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in columns.names}


def _leaks(session: Session, columns: _Columns, row: Any) -> Iterator[Leak]:
    remedy: str | None = None
    for place in find_json(_content(columns, row)):
        if remedy is None:
            remedy = _remedy(session, columns, row) if columns.lasting else ""
        name = table(columns.row).name
        key = "/".join(map(str, _key(columns, row)))
        yield Leak(
            name, "" if is_redacted(redact_json(key)) else key, place.path, place.kind, remedy
        )


def _clean(session: Session, columns: _Columns, row: Any) -> bool:
    """Rewrite a row without its secrets, or remove it; whether it had any."""
    content = _content(columns, row)
    clean = redact_json(content)
    if clean is content:
        return False
    held = table(columns.row)
    here = tuple_(*held.primary_key.columns) == _key(columns, row)
    if columns.row is CallRow:  # a reply that was altered would answer for the real one
        session.execute(delete(held).where(here))
    else:
        session.execute(update(held).where(here).values(**clean))
    return True


def _remedy(session: Session, columns: _Columns, row: Any) -> str:
    """What to do about a secret that is never rewritten."""
    rotate = "Make the secret void where it was issued"
    if columns.row is ObjectRow:
        named = select(VersionRow.semver).where(VersionRow.digest == row.digest)
        if session.scalar(named) is None:
            return "A candidate: agp gc removes it where nothing mentions it"
        return f"{rotate}; a committed version stays. agp unregister takes it out of use"
    if columns.row in (TagRow, AliasRow, BranchRow):
        return f"{rotate}; delete the name (agp tag, agp alias, agp branch)"
    if columns.row is AuditRow:
        return f"{rotate}; agp audit archive moves the entry out of the store, still provable"
    return f"{rotate}; it is part of a digest and stays"


def _count(session: Session, row: type[Base]) -> int:
    return session.scalar(select(func.count()).select_from(row)) or 0
