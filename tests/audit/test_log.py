"""Appending: with its transaction or not at all, one after the other, in a form that is fixed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from agp.audit import keys, log
from agp.audit.entries import read_entry
from agp.canonical import canonical_json
from agp.errors import InputError, StoreError
from agp.store.database import Database
from tests.audit.support import commit, fill, judge, kinds, note, rows_of


def test_an_entry_says_who_did_what_and_follows_the_one_before(database: Database) -> None:
    with database.write() as session:
        first = log.append(session, "approval", "ada", {"of": "candidate 7"})
        second = log.append(session, "stop", "grace", {})
    begin, *stored = rows_of(database)
    assert [read_entry(row.body) for row in stored] == [first, second]
    assert (first.seq, first.kind, first.actor) == (1, "approval", "ada")
    assert first.payload == {"of": "candidate 7"}
    assert (first.prev, second.prev) == (begin.hash, first.hash)
    assert first.writer == keys.own_public()


def test_an_untouched_log_has_no_findings(database: Database) -> None:
    fill(database)
    verdict = judge(database)
    assert verdict.findings == []
    assert (verdict.entries, verdict.first, verdict.last) == (9, 0, 8)
    assert verdict.writers == {keys.own_public()}


def test_an_entry_vanishes_with_its_transaction(logged: Database) -> None:
    before = rows_of(logged)
    with pytest.raises(RuntimeError), logged.write() as session:
        log.append(session, "commit", "ada", {"commit": "f" * 64})
        raise RuntimeError
    assert rows_of(logged) == before
    note(logged)
    assert judge(logged).findings == []


def test_a_killed_writer_leaves_no_entry(tmp_path: Path) -> None:
    location = str(tmp_path / "store.db")
    database = Database(location)
    note(database)
    script = (
        "import os, sys\n"
        "from agp.audit import log\n"
        "from agp.store.database import Database\n"
        "with Database(sys.argv[1]).write() as session:\n"
        "    log.append(session, 'stop', 'ada', {})\n"
        "    os._exit(9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, location], check=False)
    assert killed.returncode == 9
    assert len(rows_of(database)) == 2
    note(database)
    assert judge(database).findings == []
    database.close()


def test_processes_append_to_one_log_with_one_key(location: str) -> None:
    Database(location).close()
    script = (
        "import sys\n"
        "from agp.store.database import Database\n"
        "from tests.audit.support import note\n"
        "database = Database(sys.argv[1])\n"
        "for number in range(20):\n"
        "    note(database, f'{sys.argv[2]} {number}')\n"
    )
    root = Path(__file__).parents[2]
    writers = [
        subprocess.Popen([sys.executable, "-c", script, location, name], cwd=root)
        for name in ("a", "b")
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    database = Database(location)
    verdict = judge(database)
    database.close()
    assert verdict.findings == []
    assert verdict.entries == 1 + 40
    assert len(verdict.writers) == 1  # though all of them started without a key


def test_the_writer_key_is_the_users_alone(database: Database, keys: Path) -> None:
    note(database)
    assert (keys / "writer.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in keys.iterdir()] == ["writer.key"]


def test_a_damaged_writer_key_stops_the_change_and_says_what_to_do(
    database: Database, keys: Path
) -> None:
    keys.mkdir()
    (keys / "writer.key").write_text("garbage")
    with pytest.raises(StoreError, match="move it away"):
        commit(database, 1)
    assert len(rows_of(database)) == 1


def test_a_keys_folder_that_cannot_be_made_is_named(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AGP_KEYS", str(tmp_path / "file" / "keys"))
    with pytest.raises(StoreError, match="AGP_KEYS"):
        note(database)


def test_a_store_without_its_log_refuses_changes(database: Database) -> None:
    with database.write() as session:
        session.execute(text("DELETE FROM audit"))
    with pytest.raises(StoreError, match="audit log of this store is gone"):
        note(database)
    assert kinds(judge(database)) == {"begin"}


def test_a_kind_is_a_short_plain_word(logged: Database) -> None:
    for kind in ("", "begin", "Commit", "a b", "x" * 65, "1st"):
        with pytest.raises(InputError, match="kind"), logged.write() as session:
            log.append(session, kind, "ada", {})
    assert len(rows_of(logged)) == 9


def test_what_has_no_canonical_form_is_refused(logged: Database) -> None:
    for value in (float("nan"), 2**53, "\ud800", b"x", {1: 2}):
        with pytest.raises(InputError, match="canonical"), logged.write() as session:
            log.append(session, "note", "ada", {"value": value})
    assert len(rows_of(logged)) == 9


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _JSON), st.text())
def test_whatever_can_be_written_can_be_read_and_judged(payload: dict[str, object], actor: str):
    fields = {"seq": 1, "prev": "a" * 64, "at": "", "kind": "note", "writer": "b" * 64}
    body = canonical_json({**fields, "actor": actor, "payload": payload})
    assert canonical_json(read_entry(body).payload) == canonical_json(payload)
