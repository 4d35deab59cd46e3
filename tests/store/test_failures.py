"""A store in trouble: full, locked, gone, read-only. Nothing is half-written, and it recovers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import event, make_url, select, text

from agp.errors import InputError, StoreError
from agp.store import engines
from agp.store.database import Database
from agp.store.tables import CallRow
from tests.conftest import _postgres_schema


def _row(key: str, size: int = 1) -> CallRow:
    return CallRow(key=key, model="m", reply={"text": "x" * size}, created_at="now")


def _keys(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(CallRow.key).order_by(CallRow.key)))


# -- stamps --------------------------------------------------------------------------------


def test_equal_stamps_mean_that_nobody_committed(tmp_path: Path) -> None:
    ours, theirs = Database(tmp_path / "s.db"), Database(tmp_path / "s.db")
    before = ours.stamp()
    _keys(ours)
    with suppress(ZeroDivisionError), ours.write() as session:
        session.add(_row("never"))
        raise ZeroDivisionError
    assert ours.stamp() == before
    for database, key in ((ours, "a"), (theirs, "b")):
        before = ours.stamp()
        with database.write() as session:
            session.add(_row(key))
        assert ours.stamp() != before
    assert ours.stamp() == ours.stamp()
    ours.close()
    theirs.close()


@pytest.mark.postgres
def test_a_server_is_asked_each_time() -> None:
    with _postgres() as url:
        database = Database(url)
        assert database.stamp() is None
        database.close()


# -- a full disk ---------------------------------------------------------------------------


def test_a_full_store_says_so_and_takes_writes_again(tmp_path: Path) -> None:
    database = Database(tmp_path / "s.db")
    limit = 0

    def set_limit(connection: object, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count={limit}")  # type: ignore[attr-defined]

    with database.read() as session:
        pages = session.execute(text("PRAGMA page_count")).scalar_one()
    event.listen(database.engine, "checkout", set_limit)
    limit = pages + 4
    with pytest.raises(StoreError, match="full") as caught, database.write() as session:
        session.add(_row("small"))
        session.flush()
        session.add(_row("large", 1_000_000))
    assert "Free some space" in str(caught.value)
    assert _keys(database) == []
    limit = 2**30
    with database.write() as session:
        session.add(_row("large", 1_000_000))
    assert _keys(database) == ["large"]
    database.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
def test_a_really_full_disk_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        ballast = tmp_path / "ballast"
        ballast.write_bytes(b"x" * 1_000_000)
        database = Database(tmp_path / "s.db")
        written: list[str] = []
        with pytest.raises(StoreError) as caught:
            for number in range(100):
                with database.write() as session:
                    session.add(_row(f"{number:03}", 50_000))
                written.append(f"{number:03}")
        assert caught.value.hint
        assert written
        assert _keys(database) == written
        ballast.unlink()
        with database.write() as session:
            session.add(_row("after", 50_000))
        database.close()
        again = Database(tmp_path / "s.db")
        assert _keys(again) == [*written, "after"]
        again.close()
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


# -- locks ---------------------------------------------------------------------------------

_HOLDER = """
import os, signal, sys
from sqlalchemy import text
from agp.store.database import Database
database = Database(sys.argv[1])
with database.write() as session:
    database.one_at_a_time(session)
    session.execute(text("SELECT 1"))
    print("held", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_lock_of_a_stopped_process_is_an_error_after_a_while(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOCK_SECONDS", 1)
    database = Database(location)
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, location], stdout=subprocess.PIPE)
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreError) as caught, database.write() as session:
            database.one_at_a_time(session)
            session.add(_row("never"))
        assert "Another process holds the store" in str(caught.value)
        assert _keys(database) == []
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with database.write() as session:
        database.one_at_a_time(session)
        session.add(_row("after"))
    assert _keys(database) == ["after"]
    database.close()


# -- a server that goes away ---------------------------------------------------------------


class Cable:
    """A TCP connection to the server that can be pulled and plugged in again."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = 0
        self.plug()

    def plug(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        self.ends: list[socket.socket] = []
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def pull(self) -> None:
        for end in (self.listener, *self.ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near = listener.accept()[0]
                far = socket.create_connection(self.target)
                self.ends += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


@contextmanager
def _postgres() -> Iterator[str]:
    urls = _postgres_schema()
    yield next(urls)
    with suppress(StopIteration):
        next(urls)


@pytest.mark.postgres
def test_a_server_that_stops_in_the_middle_is_an_error_and_comes_back() -> None:
    with _postgres() as direct:
        url = make_url(direct)
        cable = Cable(url.host or "127.0.0.1", url.port or 5432)
        through = url.set(host="127.0.0.1", port=cable.port)
        database = Database(through.render_as_string(hide_password=False))
        with database.write() as session:
            session.add(_row("before"))
        with pytest.raises(StoreError) as caught, database.write() as session:
            session.add(_row("during"))
            session.flush()
            cable.pull()
        assert "run the same command again" in str(caught.value)
        for use in (lambda: _keys(database), lambda: database.write().__enter__()):
            with pytest.raises(StoreError) as caught:
                use()
            assert "server" in str(caught.value)
        cable.plug()
        assert _keys(database) == ["before"]
        with database.write() as session:
            session.add(_row("later"))
        assert _keys(database) == ["before", "later"]
        database.close()
        cable.pull()


@pytest.mark.postgres
def test_a_session_that_the_server_ends_is_an_error_and_the_next_works() -> None:
    with _postgres() as url:
        database, other = Database(url), Database(url)
        with pytest.raises(StoreError) as caught, database.write() as session:
            session.add(_row("during"))
            session.flush()
            ours = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
            with other.write() as killer:
                killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": ours})
        assert caught.value.hint
        assert _keys(database) == []
        database.close()
        other.close()


@pytest.mark.postgres
def test_a_server_that_is_only_read_is_read() -> None:
    with _postgres() as url:
        database = Database(url)
        with database.write() as session:
            session.add(_row("a"))
        standby = Database(f"{url}%20-cdefault_transaction_read_only%3Don")
        assert standby.read_only
        assert _keys(standby) == ["a"]
        with pytest.raises(StoreError, match="only be read"), standby.write():
            pass
        database.close()
        standby.close()


def test_passwords_are_not_shown() -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(StoreError) as caught:
        Database("postgresql://somebody:hunter2@127.0.0.1:1/nothing")
    assert "hunter2" not in str(caught.value)


# -- files that can only be read -----------------------------------------------------------


@contextmanager
def _unprivileged() -> Iterator[None]:
    """As a user whom file permissions bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shelf() -> Iterator[Path]:
    """A folder that everybody can reach."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path
        path.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
@pytest.mark.parametrize("closed", [["file"], ["folder"], ["file", "folder"]], ids="+".join)
@pytest.mark.parametrize("in_use", [False, True], ids=["idle", "in use"])
def test_a_read_only_store_is_read(shelf: Path, closed: list[str], in_use: bool) -> None:
    path = shelf / "s.db"
    writer = Database(path)
    with writer.write() as session:
        session.add(_row("a"))
    if not in_use:
        writer.close()
    for file in shelf.iterdir():
        file.chmod(0o444 if "file" in closed else 0o644)
    shelf.chmod(0o555 if "folder" in closed else 0o755)
    with _unprivileged():
        reader = Database(path)
        assert reader.read_only
        assert reader.stamp() is None
        assert _keys(reader) == ["a"]
        with pytest.raises(StoreError, match="read-only") as caught, reader.write():
            pass
        assert caught.value.hint
    if os.geteuid() == 0:  # permissions do not bind the writer
        with writer.write() as session:
            session.add(_row("b"))
        with _unprivileged():
            assert _keys(reader) == ["a", "b"]
    reader.close()
    writer.close()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
@pytest.mark.parametrize(
    ("made_by", "error"),
    [
        (lambda path: path.touch(), InputError),
        (lambda path: path.write_text("not a database" * 100), StoreError),
    ],
)
def test_a_read_only_file_that_is_no_store(
    shelf: Path, made_by: Callable[[Path], object], error: type[Exception]
) -> None:
    path = shelf / "s.db"
    made_by(path)
    path.chmod(0o444)
    shelf.chmod(0o555)
    with _unprivileged(), pytest.raises(error):
        Database(path)
