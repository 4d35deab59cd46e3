"""A store that was open when the process forked: both processes use it, and nothing is lost."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from sqlalchemy import select, text

from agp.store.database import Database
from agp.store.tables import CallRow

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


def _write(database: Database, keys: list[str]) -> None:
    for key in keys:
        with database.write() as session:
            session.add(CallRow(key=key, model="m", reply={}, created_at="now"))


def _forked(work: Callable[[], object]) -> int:
    """Run something in a forked process; its process id."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
        os._exit(1)
    os._exit(0)


def _ended_well(child: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_both_processes_write(database: Database, location: str) -> None:
    ours, theirs = ([f"{who}-{n}" for n in range(20)] for who in ("ours", "theirs"))
    _write(database, ["before"])
    child = _forked(lambda: _write(database, theirs))
    _write(database, ours)
    assert _ended_well(child)
    again = Database(location, create=False)
    with again.read() as session:
        assert set(session.scalars(select(CallRow.key))) == {"before", *ours, *theirs}
    again.close()


def test_what_is_written_after_the_other_process_closed_is_kept(
    database: Database, location: str
) -> None:
    """The last to close an SQLite store removes its log: an inherited one would be written on."""
    database.stamp()
    _write(database, ["before"])
    ready, go = os.pipe()

    def work() -> None:
        os.read(ready, 1)
        database.stamp()
        _write(database, ["after"])

    child = _forked(work)
    database.close()
    os.write(go, b"x")
    assert _ended_well(child)
    os.close(ready)
    os.close(go)
    again = Database(location, create=False)
    with again.read() as session:
        assert set(session.scalars(select(CallRow.key))) == {"before", "after"}
    again.close()


@pytest.mark.postgres
def test_a_forked_process_is_another_client_of_a_server(location: str) -> None:
    database = Database(location)
    if database.dialect != "postgresql":
        database.close()
        pytest.skip("a file has no clients")

    def client() -> int:
        with database.read() as session:
            return session.execute(text("SELECT pg_backend_pid()")).scalar_one()

    before = client()
    read, write = os.pipe()
    assert _ended_well(_forked(lambda: os.write(write, str(client()).encode())))
    assert int(os.read(read, 20)) != before
    assert client() == before
    os.close(read)
    os.close(write)
    database.close()
