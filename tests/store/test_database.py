"""Opening stores: good ones, bad ones, and transactions that are all or nothing."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from agp.errors import InputError, StoreError
from agp.store.database import Database
from agp.store.tables import Base, CallRow, TagRow


def _row(key: str) -> CallRow:
    return CallRow(key=key, model="m", reply={}, created_at="now")


def _is_ours(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:
    """Whether the ORM should know it: the full-text index is made by the migration alone.

    That is FTS5's tables on SQLite; a column of ``documents`` and its index on PostgreSQL.
    """
    if kind == "table":
        return name != "search" and not (name or "").startswith("search_")
    of_documents = parents.get("table_name") == "documents"
    return not (of_documents and name in ("vector", "ix_documents_vector"))


def test_migrations_give_exactly_the_tables_the_code_uses(database: Database) -> None:
    with database.engine.connect() as connection:
        opts = {"compare_type": True, "include_name": _is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, Base.metadata) == []


def test_a_failed_write_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.add(_row("a"))
        session.flush()
        raise ZeroDivisionError
    with database.read() as session:
        assert session.scalars(select(CallRow.key)).all() == []


def test_what_is_written_is_there_after_reopening(database: Database, location: str) -> None:
    with database.write() as session:
        session.add(_row("a"))
    again = Database(location, create=False)
    with again.read() as session:
        assert session.scalars(select(CallRow.key)).all() == ["a"]
    again.close()


def test_a_newer_store_is_read_and_never_written(database: Database, location: str) -> None:
    with database.write() as session:
        session.add(_row("a"))
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer = Database(location)
    assert newer.read_only
    with newer.read() as session:
        assert session.scalars(select(CallRow.key)).all() == ["a"]
        with pytest.raises(DBAPIError, match="read"):  # the connection refuses as well
            session.execute(text("DELETE FROM calls"))
    with pytest.raises(StoreError, match="schema 9999") as caught, newer.write():
        pass
    assert "Update agp" in str(caught.value)
    newer.close()


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("these are my notes, not a database\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Database(path)
    assert path.read_text().startswith("these are my notes")


def test_a_foreign_database_is_refused_and_kept(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customers (id INTEGER)")
    with pytest.raises(StoreError, match="not an agp store"):
        Database(path)
    with sqlite3.connect(path) as connection:
        names = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert names == [("customers",)]


@pytest.mark.parametrize("damage", [16, 100])
def test_a_damaged_store_is_an_error_with_a_remedy(tmp_path: Path, damage: int) -> None:
    path = tmp_path / "store.db"
    Database(path).close()
    content = bytearray(path.read_bytes())
    content[damage : damage + 80] = b"\xff" * 80
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError) as caught:
        database = Database(path)
        with database.read() as session:
            session.execute(text("SELECT * FROM objects")).all()
            session.execute(text("SELECT * FROM spans")).all()
    assert caught.value.hint


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("nonsense://x", "Not a usable store"),
        ("sqlite:///{tmp}/absent/store.db", "no store at"),
        ("{tmp}", "is a folder"),
    ],
)
def test_wrong_places_are_input_errors(tmp_path: Path, location: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Database(location.format(tmp=tmp_path), create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a?b", "c#d%20e", "100%", "two words", "+@x:y&z=1", "数学"])
def test_any_path_opens_exactly_that_file(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    database = Database(folder / f"{name}.db")
    with database.write() as session:
        session.add(_row("a"))
    assert database.file == folder / f"{name}.db"
    assert database.stamp() is not None
    again = Database(database.url, create=False)
    with again.read() as session:
        assert session.scalars(select(CallRow.key)).all() == ["a"]
    again.close()
    database.close()
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert found == [folder / f"{name}.db"]


@pytest.mark.parametrize("name", ["a\0b", "n" * 300, "~nobody-has-this-name/store.db"])
def test_what_cannot_be_a_path_is_an_input_error(tmp_path: Path, name: str) -> None:
    location = name if name.startswith("~") else str(tmp_path / name)
    with pytest.raises(InputError, match="cannot be the path") as caught:
        Database(location)
    assert caught.value.hint


def test_what_the_database_refuses_says_what_to_do(database: Database) -> None:
    tag = {"name": "t", "commit": "f" * 64, "author": "me", "message": "", "created_at": "now"}
    with pytest.raises(StoreError) as caught, database.write() as session:
        session.execute(insert(TagRow), tag)
    assert "not in the store" in str(caught.value.hint)
    if database.dialect == "postgresql":  # SQLite's columns have no width
        with pytest.raises(StoreError) as caught, database.write() as session:
            session.add(CallRow(key="k", model="m" * 300, reply={}, created_at="now"))
        assert "shorten" in str(caught.value.hint)


def test_an_unreachable_server_is_a_store_error() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(StoreError, match="failed"):
        Database("postgresql://nobody@127.0.0.1:1/nothing")
