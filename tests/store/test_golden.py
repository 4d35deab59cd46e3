"""Stores made by released versions of agp: they open, migrate, and hold what they held.

Golden stores are made by `golden/make.py` with the released code, and never change.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, create_engine, delete, func, insert, select, text

from agp import trust
from agp.errors import InputError, NotFoundError, StoreError
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.rspl.origins import code_of
from agp.rspl.upkeep.fsck import check
from agp.runs.journal import Journal, list_runs
from agp.store.database import SCHEMA, Database
from agp.store.engines import store_url
from agp.store.migrate import downgrade, losses, upgrade_to
from agp.store.tables import OriginRow, VersionRow

GOLDEN = Path(__file__).parent / "golden"
STORES = sorted(path.name.partition(".")[0] for path in GOLDEN.glob("*.sql.gz"))
OLD = [schema for schema in STORES if schema < SCHEMA]


def _lay_out(schema: str, location: str, scratch: Path) -> str:
    """Put a golden store at a location; on PostgreSQL, row by row from the file."""
    file = scratch / "store.db" if "://" in location else Path(location)
    with sqlite3.connect(file) as connection:
        packed = (GOLDEN / f"{schema}.sql.gz").read_bytes()
        connection.executescript(gzip.decompress(packed).decode())
    if "://" not in location:
        return location
    source, target = create_engine(store_url(file)), create_engine(store_url(location))
    upgrade_to(target, schema)
    tables = MetaData()
    tables.reflect(target)
    with source.connect() as rows, target.begin() as connection:
        for table in tables.sorted_tables:
            names = [column.name for column in table.columns if column.name != "vector"]
            columns = [table.c[name] for name in names]
            if table.name == "alembic_version":
                continue
            found = [row._asdict() for row in rows.execute(select(*columns))]
            connection.execute(delete(table))  # the audit log is born with an entry
            if found:
                connection.execute(insert(table), found)
    source.dispose()
    target.dispose()
    return location


@pytest.fixture(params=STORES)
def schema(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def golden(schema: str, location: str, tmp_path: Path) -> str:
    """Where a golden store was laid out, on each database."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return _lay_out(schema, location, scratch)


def _facts(schema: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{schema}.json").read_text(encoding="utf-8"))


def _holds(database: Database, facts: dict[str, Any]) -> None:
    """Everything is there, as it was when the store was made."""
    history = History(database)
    assert history.branches() == facts["branches"]
    for branch, ids in facts["logs"].items():
        assert [commit.id for commit in history.log(branch)] == ids
        view = history.view(branch)
        assert view.digest == facts["views"][branch]
        assert all(view.record(rid).digest == view.refs[rid] for rid in view)
        assert history.view_at(ids[0]).digest == facts["views"][branch]
    assert [commit.message for commit in history.log("main")] == facts["messages"]
    for name, versions in facts["versions"].items():
        found = history.versions(ResourceId.parse(name))
        assert [list(each) for each in found] == versions
        assert all(history.load(digest).digest == digest for _, digest in found)
    assert history.load(facts["candidate"]).name == "solver"
    assert history.names.tags() == facts.get("tags", {})
    for name, aliases in facts.get("aliases", {}).items():
        assert history.names.aliases(ResourceId.parse(name)) == aliases
    if "pinned" in facts:
        assert history.load(facts["pinned"]).name == "solver"
    if "trust" in facts:
        found = {str(each.resource): each for each in trust.versions(history)}
        assert {name: each.origin for name, each in found.items()} == {
            name: origin for name, (origin, _) in facts["trust"].items()
        }
        decided = {name: trust.approvals_of(history, each.code) for name, each in found.items()}
        assert {name for name, (_, status) in facts["trust"].items() if status != "pending"} == {
            name for name, decisions in decided.items() if decisions
        }
    assert {row.id: row.status for row in list_runs(database)} == facts["runs"]
    assert all(Journal.reopen(database, run).steps for run in facts["runs"])


def test_an_old_store_opens_migrates_and_holds_what_it_held(golden: str, schema: str) -> None:
    database = Database(golden, create=False)
    assert not database.read_only
    assert database.schema == SCHEMA
    _holds(database, _facts(schema))
    assert check(database) == []
    database.close()


def _rows(engine: Engine) -> dict[str, str]:
    """Table → digest of its rows, whatever their order."""
    tables = MetaData()
    tables.reflect(engine)
    found: dict[str, str] = {}
    with engine.connect() as connection:
        for table in tables.sorted_tables:
            rows = sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            found[table.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def _lost(database: Database, schema: str) -> dict[str, int]:
    """What going down loses of a store that was only just brought up."""
    with database.read() as session:
        noted = session.scalar(select(func.count()).select_from(OriginRow))
    lost = {"notes of who wrote code": noted or 0}
    return lost if schema > "0001" else {"entries of the audit log": 1, **lost}


def _origins(database: Database) -> dict[str, set[str]]:
    """Resource → the origins of its code, as every committed version shows."""
    history, found = History(database), dict[str, set[str]]()
    with database.read() as session:
        origins = dict(session.execute(select(OriginRow.code, OriginRow.origin)).all())
        digests = session.scalars(select(VersionRow.digest)).all()
    for digest in digests:
        record = history.load(digest)
        if (code := code_of(record)) is not None:
            found.setdefault(str(record.id), set()).add(origins[code])
    return found


@pytest.mark.parametrize("schema", OLD)
def test_all_code_of_an_old_store_is_a_persons(golden: str, schema: str) -> None:
    database = Database(golden)
    assert {"agent/solver", "tool/python"} <= _origins(database).keys()
    assert all(origins == {"person"} for origins in _origins(database).values())
    database.close()


@pytest.mark.parametrize("schema", OLD)
def test_down_and_up_again_loses_nothing_the_old_schema_could_hold(
    golden: str, schema: str
) -> None:
    engine = create_engine(store_url(golden))
    before = _rows(engine)
    database = Database(golden)
    assert losses(database, schema) == _lost(database, schema)
    downgrade(database.engine, schema)
    database.close()
    assert _rows(engine) == before
    engine.dispose()
    database = Database(golden)
    _holds(database, _facts(schema))
    assert check(database) == []
    database.close()


@pytest.mark.parametrize("schema", OLD)
def test_an_old_store_that_is_not_migrated_is_read_only(golden: str, schema: str) -> None:
    database = Database(golden, migrate=False)
    assert (database.schema, database.read_only) == (schema, True)
    with pytest.raises(StoreError, match=schema) as caught, database.write():
        pass
    assert "agp store upgrade" in str(caught.value)
    database.close()


def test_no_way_down_to_where_there_is_nothing(database: Database) -> None:
    with pytest.raises(NotFoundError, match="0000"):
        downgrade(database.engine, "0000")
    with pytest.raises(InputError, match="not newer"):
        downgrade(database.engine, SCHEMA)
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="the agp that made it"):
        downgrade(database.engine, "0001")


_KILLED = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from agp.store import migrate
from agp.store.database import Database

way, location, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
database = Database(location, migrate=way == "down")

def kill_at(connection, cursor, statement, *rest):
    global count
    count -= statement.lstrip().split()[0] in ("CREATE", "DROP", "ALTER", "INSERT", "UPDATE")
    if count < 0:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", kill_at)
database._refusal = None
migrate.upgrade(database.engine) if way == "up" else migrate.downgrade(database.engine, sys.argv[4])
"""


@pytest.mark.parametrize("schema", OLD[:1])
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_migration_that_is_killed_leaves_the_schema_from_before(
    golden: str, schema: str, way: str
) -> None:
    expected = schema if way == "up" else SCHEMA
    if way == "down":
        Database(golden).close()
    engine = create_engine(store_url(golden))
    before = _rows(engine)
    for count in (1, 5, 9):
        arguments = [sys.executable, "-c", _KILLED, way, golden, str(count), schema]
        ended = subprocess.run(arguments, capture_output=True, check=False)
        assert ended.returncode == -9, ended.stderr.decode()
        assert _rows(engine) == before
        looked = Database(golden, migrate=False)
        assert looked.schema == expected
        looked.close()
    engine.dispose()
    database = Database(golden)
    _holds(database, _facts(schema))
    assert check(database) == []
    database.close()
