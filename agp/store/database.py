"""Opening a store and running transactions on it, on SQLite or PostgreSQL.

Contract: `write()` is all or nothing and durable when it returns; `read()` sees one consistent
state. Both may be used from any thread; objects from a session do not outlive its block. Every
database failure leaves here as a StoreError that says what to do.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection, Executable, Table, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session

from agp.errors import InputError, StoreError
from agp.secrets import remember
from agp.store.engines import RELAXED, WRITE, is_frozen, make_engine, open_watcher, shown, store_url
from agp.store.failures import FAILURES, store_error
from agp.store.forks import after_fork
from agp.store.tables import Base, table

SCHEMA = "0003"
"""The newest migration this agp knows."""

LOCK = 0x616770
"""The advisory lock on PostgreSQL: "agp", a number that other users of the server do not use."""


def insert_new(
    session: Session, row: type[Base], rows: dict[str, Any] | list[dict[str, Any]]
) -> None:
    """Insert rows, except where one with the key is there: for content its key determines."""
    connection = session.connection()
    connection.execute(_insert_new(table(row), connection.dialect.name), rows)


@lru_cache(maxsize=64)
def _insert_new(into: Table, dialect: str) -> Executable:
    made = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return made(into).on_conflict_do_nothing()


class _Refusal(NamedTuple):
    """Why a store cannot be written, and what to do about it."""

    reason: str
    remedy: str


class Database:
    """One open store.

    Parameters: ``location`` a file path or SQLAlchemy URL; ``create`` whether an absent or empty
    store is set up (otherwise it is an InputError); ``migrate`` whether an older store is brought
    up to date (otherwise it is read-only). A store of a newer agp, and one in a file or on a
    server that only lets itself be read, are read-only. Raises StoreError for a store that is
    corrupt or unreachable.
    """

    def __init__(
        self, location: str | Path | URL, *, create: bool = True, migrate: bool = True
    ) -> None:
        self.schema: str | None = None
        """The store's schema when it was opened."""
        self._frozen = False
        self._refusal: _Refusal | None = None
        self._watcher: sqlite3.Connection | None = None
        self._watching = threading.Lock()
        try:
            self.url = store_url(location)
            self.shown = shown(self.url)
            if self.url.password:
                remember(str(self.url.password), "store-password")
            self.file = _sqlite_file(self.url)
            """The file of an SQLite store."""
            self._prepare_file(create)
            self.engine = make_engine(
                self.url,
                frozen=self.file if self._frozen else None,
                may_write=lambda: self._refusal is None,
            )
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
            self._bring_up_to_date(create, migrate)
        except BaseException:
            self.engine.dispose()
            raise
        after_fork(self)

    @contextmanager
    def read(self) -> Generator[Session]:
        """A read transaction: one consistent state."""
        with self._translated(), Session(self._snapshots) as session:
            yield session

    @contextmanager
    def snapshot(self) -> Generator[Connection]:
        """The same without the ORM, for look-ups that must cost little."""
        with self._translated(), self._snapshots.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, relaxed: bool = False) -> Generator[Session]:
        """A write transaction: committed as a whole at the end of the block, or not at all.

        Parameters: ``relaxed`` does not wait for the disk: what is written outlives this process,
        kill -9 included, and is safe from a power failure from the next transaction on that is
        not relaxed. For what can be done again. Raises StoreError for a read-only store, before
        the block is entered.
        """
        if self._refusal is not None:
            raise StoreError(self._refusal.reason, hint=self._refusal.remedy)
        mode = RELAXED if relaxed else WRITE
        with (
            self._translated(),
            self.engine.connect().execution_options(**{mode: True}) as connection,
            Session(connection) as session,
            session.begin(),
        ):
            yield session

    @property
    def read_only(self) -> bool:
        """Whether this store can only be read; `write` says why."""
        return self._refusal is not None

    def one_at_a_time(self, session: Session) -> None:
        """Let only one transaction that asks this go on at once, until it ends.

        SQLite has one writer anyway; PostgreSQL is asked for a lock that belongs to agp.
        """
        if self.dialect == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})

    def stamp(self) -> int | None:
        """A number that stays the same for as long as nobody commits to the store.

        Compare stamps of one Database: equal ones mean that no process, this one included,
        committed anything in between. None where that cannot be known cheaply (PostgreSQL, a
        file that cannot be written): ask the store itself each time. Costs microseconds.
        """
        if self.file is None or self._frozen:
            return None
        try:
            with self._watching:
                if self._watcher is None:
                    self._watcher = open_watcher(self.file)
                # data_version counts the commits of all other connections, and this one makes none
                return self._watcher.execute("PRAGMA data_version").fetchall()[0][0]
        except sqlite3.Error as error:
            raise store_error(self.shown, error) from error

    def forked(self) -> None:
        """Leave the connections to the process that this one was forked from; open new ones.

        SQLite's are closed, so that it forgets the locks that only the other process holds; a
        server's are not touched, because both processes share their sockets.
        """
        self._watching = threading.Lock()
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.close()
        self.engine.dispose(close=self.dialect == "sqlite")

    def close(self) -> None:
        """Release every connection."""
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        self.engine.dispose()

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    def _prepare_file(self, create: bool) -> None:
        path = self.file
        if path is None:
            return
        if path.is_dir():
            raise InputError(f"The store {path} is a folder.", hint="Name a file inside it.")
        if path.exists():
            self._frozen = is_frozen(path)
            if self._frozen:
                self._refusal = _Refusal(
                    f"The store {path} is read-only: the file or its folder cannot be written.",
                    "Make both writable, or choose another store with --store.",
                )
            return
        if not create:
            raise InputError(f"There is no store at {path}.", hint="Create one with: agp init")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The folder for the store cannot be made: {error}.",
                hint="Choose a writable place with --store or AGP_STORE.",
            ) from error

    def _bring_up_to_date(self, create: bool, migrate: bool) -> None:
        with self._translated(), self.engine.connect() as connection:
            self.schema = self._schema_in(connection)
            if self.dialect == "postgresql" and _only_reads(connection):
                self._refusal = _Refusal(
                    f"The server lets {self.shown} only be read.",
                    "Connect to its primary server, or with a user who may write.",
                )
        if self.schema == SCHEMA:
            return
        if self.schema is None and (self._refusal or not create):
            raise InputError(f"There is no agp store at {self.shown}.", hint="Create: agp init")
        if self.schema is not None and self.schema > SCHEMA:
            self._only_read(
                f"This store has schema {self.schema}; this agp writes {SCHEMA} and only reads it.",
                "Update agp (pip install --upgrade autogenesis-agp), or use another store with "
                "--store.",
            )
        elif self._refusal is not None:
            raise StoreError(
                f"{self._refusal.reason} So its schema {self.schema} cannot be brought to "
                f"{SCHEMA}.",
                hint=f"{self._refusal.remedy} Or open a copy of it.",
            )
        elif self.schema is not None and not migrate:
            self._only_read(
                f"This store has schema {self.schema}; this agp writes {SCHEMA}.",
                "Bring it up to date with: agp store upgrade",
            )
        else:
            from agp.store.migrate import upgrade

            with self._translated():
                upgrade(self.engine)
            self.schema = SCHEMA

    def _schema_in(self, connection: Connection) -> str | None:
        there = inspect(connection)
        tables = set(there.get_table_names())
        if "alembic_version" in tables and "objects" in tables:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if "alembic_version" in tables or (tables and self.dialect == "sqlite"):
            raise StoreError(
                f"{self.shown} is a database, but not an agp store.",
                hint="Name another file, or another database or schema of the server.",
            )
        return None

    def _only_read(self, reason: str, remedy: str) -> None:
        """Refuse writes from now on, in the connections themselves too."""
        self._refusal = _Refusal(reason, remedy)
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except FAILURES as error:
            raise store_error(self.shown, error) from error


def _sqlite_file(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(url.database)


def _only_reads(connection: Connection) -> bool:
    return connection.execute(text("SHOW transaction_read_only")).scalar() == "on"
