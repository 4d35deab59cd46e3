"""What in a store points to what: every pointer must lead to a thing, and to the right one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from agp.rspl import influences
from agp.store.tables import (
    AliasRow,
    Base,
    ChangeRow,
    CommitRow,
    ObjectRow,
    PinRow,
    RefRow,
    SourceRow,
    TagRow,
    UseRow,
    VersionRow,
)

Fault = tuple[str, str, str]
"""Part of the store, where in it, what is wrong."""


def check_links(session: Session) -> Iterator[Fault]:
    """Pointers that lead nowhere or astray, and committed digests without a version name."""
    for table in (VersionRow, RefRow, AliasRow, PinRow, UseRow):
        yield from _lost(session, table, table.digest)
    # What was read from files need not be in the store: a record is completed before it is kept.
    for table in (VersionRow, RefRow, AliasRow, SourceRow):
        yield from _astray(session, table, table.digest)
    for column in (ChangeRow.before, ChangeRow.after):
        yield from _lost(session, ChangeRow, column)
        yield from _astray(session, ChangeRow, column)
    yield from _tags(session)
    for commit, fault in influences.check(session):
        yield "commits", f"commit {commit[:12]}", fault
    yield from _unnamed(session)


def _lost(session: Session, table: type[Base], column: Any) -> Iterator[Fault]:
    present = exists().where(ObjectRow.digest == column)
    query = select(column).where(column.is_not(None), ~present).distinct()
    for digest in session.scalars(query):
        yield table.__tablename__, str(digest)[:12], "the version it points to is not in the store"


def _astray(session: Session, table: Any, column: Any) -> Iterator[Fault]:
    query = (
        select(table.type, table.name, column)
        .join(ObjectRow, ObjectRow.digest == column)
        .where(or_(ObjectRow.type != table.type, ObjectRow.name != table.name))
    )
    for type_, name, digest in session.execute(query):
        fault = f"it points to {str(digest)[:12]}, a version of another resource"
        yield table.__tablename__, f"{type_}/{name}", fault


def _tags(session: Session) -> Iterator[Fault]:
    present = exists().where(CommitRow.id == TagRow.commit)
    for name in session.scalars(select(TagRow.name).where(~present)):
        yield "tags", name, "the commit it names does not exist"


def _unnamed(session: Session) -> Iterator[Fault]:
    named = exists().where(VersionRow.digest == ChangeRow.after)
    query = select(ChangeRow.type, ChangeRow.name, ChangeRow.after).distinct()
    for type_, name, digest in session.execute(query.where(ChangeRow.after.is_not(None), ~named)):
        fault = f"{str(digest)[:12]} was committed, but has no version name"
        yield "versions", f"{type_}/{name}", fault
