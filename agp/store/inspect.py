"""What a store is, as plain data: place, schema, size and counts. Works on every schema."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect, text

from agp.store.database import SCHEMA, Database
from agp.store.tables import Base


def inspect_store(database: Database) -> dict[str, Any]:
    """Place (without password), dialect, schemas, size in bytes, and rows by table."""
    with database.read() as session:
        present = set(inspect(session.connection()).get_table_names())
        tables = [name for name in Base.metadata.tables if name in present]
        counts = {
            name: session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in sorted(tables)
        }
        size = 0
        if database.dialect == "postgresql":
            query = text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
            size = sum(session.execute(query, {"name": each}).scalar_one() for each in tables)
    if database.file is not None:
        files = [database.file, database.file.with_name(database.file.name + "-wal")]
        size = sum(each.stat().st_size for each in files if each.exists())
    return {
        "location": database.shown,
        "dialect": database.dialect,
        "schema": database.schema,
        "newest_schema": SCHEMA,
        "read_only": database.read_only and database.schema == SCHEMA,
        "bytes": size,
        "rows": counts,
    }
