"""What an SQLite file may hold and a store may not: values of another type than their column's.

A server's columns only take their own type; SQLite's take anything from whoever opens the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import JSON, Column, Integer, LargeBinary, func, select
from sqlalchemy.orm import Session

from agp.store.tables import Base

Fault = tuple[str, str]
"""Which column, and what is wrong with it."""


def check_columns(session: Session) -> Iterator[Fault]:
    """Columns with values that are not of their type, or absent where something must be."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            allowed = _allowed(column)
            kind = func.typeof(column)
            query = select(kind, func.count()).select_from(table).group_by(kind)
            for found, count in session.execute(query.where(kind.not_in(allowed))):
                fault = f"{count} values are of type {found}, not {' or '.join(allowed)}"
                yield f"{table.name}.{column.name}", fault


def _allowed(column: Column[object]) -> list[str]:
    if isinstance(column.type, Integer):
        kinds = ["integer"]
    elif isinstance(column.type, LargeBinary):
        kinds = ["blob"]
    else:
        kinds = ["text"]
    return [*kinds, "null"] if column.nullable and not isinstance(column.type, JSON) else kinds
