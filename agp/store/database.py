"""Opening a store and running transactions on it, on SQLite or PostgreSQL.

Contract: `write()` is all or nothing and durable when it returns; `read()` sees one consistent
state. Both may be used from any thread; objects from a session do not outlive its block. Every
database failure leaves here as a StoreError that says what to do.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session

from agp.errors import InputError, StoreError
from agp.store.tables import Base

SCHEMA = "0002"
"""The newest migration this agp knows."""

_WRITE = "agp_write"
_LOCK = 0x616770  # "agp": any number that other users of the server do not use


def insert_new(session: Session, table: type[Base], row: dict[str, Any]) -> None:
    """Insert a row, unless one with its key is there: for content that its key determines."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(table).on_conflict_do_nothing(), row)


def store_url(location: str | Path) -> str:
    """A SQLAlchemy URL from a URL or a file path."""
    location = str(location)
    if "://" in location:
        return location.replace("postgresql://", "postgresql+psycopg://", 1)
    return f"sqlite:///{Path(location).expanduser().resolve()}"


class Database:
    """One open store.

    Parameters: ``location`` a file path or SQLAlchemy URL; ``create`` whether an absent or empty
    store is set up (otherwise it is an InputError). An older store is migrated. Raises StoreError
    for a store that is corrupt, unreachable, or made by a newer agp.
    """

    def __init__(self, location: str | Path, *, create: bool = True) -> None:
        self.url = store_url(location)
        self._prepare_file(create)
        try:
            self.engine = _engine(self.url)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise InputError(
                f"Not a usable store: {location} ({error}).",
                hint="Give a file path, sqlite:///PATH or postgresql://USER@HOST/NAME "
                "(for PostgreSQL: pip install 'autogenesis-agp[postgres]').",
            ) from error
        self._snapshots = self.engine
        if self.dialect == "postgresql":
            self._snapshots = self.engine.execution_options(isolation_level="REPEATABLE READ")
        try:
            self._bring_up_to_date(create)
        except BaseException:
            self.engine.dispose()
            raise

    @contextmanager
    def read(self) -> Generator[Session]:
        """A read transaction: one consistent state."""
        with self._translated(), Session(self._snapshots) as session:
            yield session

    @contextmanager
    def write(self) -> Generator[Session]:
        """A write transaction: committed as a whole at the end of the block, or not at all."""
        with (
            self._translated(),
            self.engine.connect().execution_options(**{_WRITE: True}) as connection,
            Session(connection) as session,
            session.begin(),
        ):
            yield session

    def one_at_a_time(self, session: Session) -> None:
        """Let only one transaction that asks this go on at once, until it ends.

        SQLite has one writer anyway; PostgreSQL is asked for a lock that belongs to agp.
        """
        if self.dialect == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})

    def close(self) -> None:
        """Release every connection."""
        self.engine.dispose()

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    def _prepare_file(self, create: bool) -> None:
        if not self.url.startswith("sqlite:///"):
            return
        path = Path(self.url.removeprefix("sqlite:///"))
        if path.is_dir():
            raise InputError(f"The store {path} is a folder.", hint="Name a file inside it.")
        if not path.exists():
            if not create:
                raise InputError(f"There is no store at {path}.", hint="Create one with: agp init")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(
                    f"The folder for the store cannot be made: {error}.",
                    hint="Choose a writable place with --store or AGP_STORE.",
                ) from error

    def _bring_up_to_date(self, create: bool) -> None:
        with self._translated(), self.engine.connect() as connection:
            present = inspect(connection).has_table("alembic_version")
            query = text("SELECT version_num FROM alembic_version")
            found = connection.execute(query).scalar() if present else None
            foreign = found is None and bool(inspect(connection).get_table_names())
        if found == SCHEMA:
            return
        if foreign and self.dialect == "sqlite":
            raise StoreError(f"{self.url} is a database, but not an agp store.")
        if found is not None and found > SCHEMA:
            raise StoreError(
                f"This store has schema {found}; this agp knows up to {SCHEMA}.",
                hint="Update agp, or use another store with --store.",
            )
        if found is None and not create:
            raise InputError(f"There is no agp store at {self.url}.", hint="Create: agp init")
        from agp.store.migrate import upgrade

        with self._translated():
            upgrade(self.engine)

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except DBAPIError as error:
            raise _store_error(self.url, error) from error


def _engine(url: str) -> Engine:
    engine = create_engine(url, json_serializer=_dump_json)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _dump_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours: the driver's own is deferred and too late
    for pragma in (
        "busy_timeout=30000",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _on_sqlite_begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _store_error(url: str, error: DBAPIError) -> StoreError:
    cause = str(error.orig).strip().splitlines()[0] if error.orig else str(error)
    hints = {
        "not a database": "The file is damaged or something else. Restore a backup, or use "
        "another store with --store.",
        "malformed": "The file is damaged. Restore a backup; nothing was written to it.",
        "readonly": "The store is read-only. Make it writable or choose another with --store.",
        "unable to open": "Check that the folder exists and is writable.",
        "disk is full": "Free some space and run the same command again: nothing was half-written.",
        "unique": "Another process is carrying this run on. Wait for it, or stop it.",
        "locked": "Another process holds the store. Wait for it, or stop it.",
        "connect": "Is the database server running and reachable?",
    }
    hint = next((hint for key, hint in hints.items() if key in cause.lower()), None)
    return StoreError(f"The store {url} failed: {cause}", hint=hint)
