"""Connecting to a store: what every connection of SQLite and PostgreSQL is set to.

Contract: a connection made here is durable when it commits, waits a bounded time for a lock, and
never writes to a store that is read-only.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import NullPool

from agp.errors import InputError

WRITE = "agp_write"
"""The execution option of a connection that will write."""

RELAXED = "agp_relaxed"
"""The execution option of a connection that will write without waiting for the disk."""

LOCK_SECONDS = 30
"""How long a transaction waits for another one, of this process or a different one."""

_LONGEST_SHOWN = 200


def store_url(location: str | Path | URL) -> URL:
    """A SQLAlchemy URL from a URL or a file path, whatever characters the path has.

    Raises ArgumentError, and InputError for what no file can be called.
    """
    if isinstance(location, URL) or (isinstance(location, str) and "://" in location):
        url = make_url(location)
        return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url
    try:
        path = Path(location).expanduser().resolve()
        path.is_dir()  # asks the system, which refuses a name that is too long
    except (OSError, ValueError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{str(location)[:_LONGEST_SHOWN]!r} cannot be the path of a store: {why}.",
            hint="Name a file with --store or AGP_STORE.",
        ) from error
    return URL.create("sqlite", database=str(path))


def shown(url: URL) -> str:
    """A URL as people may see it: without its password."""
    return url.render_as_string(hide_password=True)


def is_frozen(path: Path) -> bool:
    """Whether this process may read an SQLite file but not write it, or not beside it."""
    effective = os.access in os.supports_effective_ids
    return not all(
        os.access(each, os.W_OK, effective_ids=effective) for each in (path, path.parent)
    )


def make_engine(url: URL, *, frozen: Path | None, may_write: Callable[[], bool]) -> Engine:
    """An engine for a store.

    Parameters: ``frozen`` the file of an SQLite store that cannot be written; ``may_write`` is
    asked at every new connection. Raises ArgumentError, NoSuchModuleError, ModuleNotFoundError.
    """
    if frozen is not None:  # a pooled connection would not see that a writer came
        engine = create_engine(
            "sqlite://", creator=lambda: _connect_frozen(frozen), poolclass=NullPool
        )
        event.listen(engine, "begin", _on_sqlite_begin)
        return engine
    over_network = url.get_backend_name() == "postgresql"  # a server may go away and come back
    engine = create_engine(url, json_serializer=_dump_json, pool_pre_ping=over_network)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _calling(_set_up_sqlite, may_write))
        event.listen(engine, "begin", _on_sqlite_begin)
    elif engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _calling(_set_up_postgresql, may_write))
        event.listen(engine, "begin", _on_postgresql_begin)
    return engine


def open_watcher(path: Path) -> sqlite3.Connection:
    """A connection to an SQLite store that only asks whether somebody committed."""
    return sqlite3.connect(
        path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
    )


def _connect_frozen(path: Path) -> sqlite3.Connection:
    """Read a file that cannot be written, with its write-ahead log if it has one.

    SQLite must be told that nobody writes (``immutable``), or it would want to make a log.
    """
    log = path.with_name(path.name + "-wal")
    live = log.exists() and log.stat().st_size > 0
    mode = "mode=ro" if live else "immutable=1"
    return sqlite3.connect(
        f"{path.as_uri()}?{mode}",
        uri=True,
        timeout=LOCK_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _dump_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _calling(
    set_up: Callable[[Any, bool], None], may_write: Callable[[], bool]
) -> Callable[[Any, object], None]:
    def on_connect(connection: Any, _record: object) -> None:
        set_up(connection, may_write())

    return on_connect


def _set_up_sqlite(connection: Any, may_write: bool) -> None:
    connection.isolation_level = None  # BEGIN is ours: the driver's own is deferred and too late
    pragmas = [f"busy_timeout={1000 * LOCK_SECONDS}", "synchronous=FULL", "foreign_keys=ON"]
    pragmas += ["journal_mode=WAL"] if may_write else ["query_only=ON"]
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").close()


def _set_up_postgresql(connection: Any, may_write: bool) -> None:
    connection.autocommit = True
    connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
    if not may_write:
        connection.execute("SET default_transaction_read_only = on")
    connection.autocommit = False


def _on_sqlite_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    relaxed = options.get(RELAXED, False)
    writing = relaxed or options.get(WRITE, False)
    if writing:  # the connection is one of a pool: it may have been the other way before
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if relaxed else 'FULL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _on_postgresql_begin(connection: Connection) -> None:
    if connection.get_execution_options().get(RELAXED):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
