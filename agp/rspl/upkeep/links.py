"""What in a store points to what: every pointer must lead to a thing, and to the right one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

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
    for table in (VersionRow, RefRow, AliasRow, SourceRow):
        yield from _lost(session, table, table.digest)
        yield from _astray(session, table)
    for table in (PinRow, UseRow):
        yield from _lost(session, table, table.digest)
    for column in (ChangeRow.before, ChangeRow.after):
        yield from _lost(session, ChangeRow, column)
    yield from _tags(session)
    yield from _versions(session)


def _lost(session: Session, table: type[Base], column: Any) -> Iterator[Fault]:
    present = exists().where(ObjectRow.digest == column)
    query = select(column).where(column.is_not(None), ~present).distinct()
    for digest in session.scalars(query):
        yield table.__tablename__, str(digest)[:12], "the version it points to is not in the store"


def _astray(session: Session, table: Any) -> Iterator[Fault]:
    query = (
        select(table.type, table.name, table.digest)
        .join(ObjectRow, ObjectRow.digest == table.digest)
        .where(or_(ObjectRow.type != table.type, ObjectRow.name != table.name))
    )
    for type_, name, digest in session.execute(query):
        fault = f"it points to {digest[:12]}, a version of another resource"
        yield table.__tablename__, f"{type_}/{name}", fault


def _tags(session: Session) -> Iterator[Fault]:
    present = exists().where(CommitRow.id == TagRow.commit)
    for name in session.scalars(select(TagRow.name).where(~present)):
        yield "tags", name, "the commit it names does not exist"


def _versions(session: Session) -> Iterator[Fault]:
    named = exists().where(VersionRow.digest == ChangeRow.after)
    query = select(ChangeRow.type, ChangeRow.name, ChangeRow.after).distinct()
    for type_, name, digest in session.execute(query.where(ChangeRow.after.is_not(None), ~named)):
        yield (
            "versions",
            f"{type_}/{name}",
            f"{str(digest)[:12]} was committed, but has no version name",
        )
    name_ = (VersionRow.type, VersionRow.name, VersionRow.semver)
    same = select(*name_).group_by(*name_).having(func.count() > 1)
    for type_, name, semver in session.execute(same):
        yield "versions", f"{type_}/{name}", f"{semver} names more than one version"
    again = select(VersionRow.digest).group_by(VersionRow.digest).having(func.count() > 1)
    for digest in session.scalars(again):
        yield "versions", digest[:12], "it has more than one version name"
