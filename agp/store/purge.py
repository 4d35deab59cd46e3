"""Getting rid of bytes: what was deleted or rewritten must not be readable in the files any more.

A database only marks space as free. Here it is made to write its tables anew.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from agp.store.database import Database
from agp.store.failures import FAILURES, store_error
from agp.store.tables import Base


def purge(database: Database) -> bool:
    """Write the store anew without what is free in it; False if others keep old bytes alive.

    SQLite: the file is rebuilt and its write-ahead log emptied, which waits for other processes
    for as long as any write does. PostgreSQL: each table is rewritten, under a lock; the server's
    own log and its backups are its operator's. Raises StoreError.
    """
    try:
        return _purge_sqlite(database) if database.dialect == "sqlite" else _purge_server(database)
    except FAILURES as error:
        raise store_error(database.shown, error) from error


def _purge_sqlite(database: Database) -> bool:
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        answer: Any = cursor.fetchone()
        cursor.close()
    finally:
        connection.close()
    return answer[0] == 0  # else somebody reads, and the log could not be emptied


def _purge_server(database: Database) -> bool:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(text(f"VACUUM (FULL) {table.name}"))
    return True
