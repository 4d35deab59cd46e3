"""A store that was written before a secret was known, and getting it out of every byte."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from sqlalchemy import insert

from agp.audit import log as audit
from agp.audit.checks import check_store
from agp.audit.keys import vouched_for
from agp.cli import main
from agp.models.call_cache import StoreCallCache
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.rspl.upkeep.rescan import rescan, scan
from agp.runs.journal import Journal
from agp.secrets import remember
from agp.store.database import Database
from agp.store.purge import purge
from agp.store.tables import SpanRow
from agp.tracing.reader import list_traces
from tests.rspl.helpers import prompt


def secret(name: str) -> str:
    """Nothing that looks like a secret, until somebody says so."""
    return f"quiet-{name}-value"


def fill(database: Database, value: str) -> Journal:
    journal = Journal.start(database, "bench", {"benchmark": "x", "agent": value})
    cache = StoreCallCache(database)
    journal.along(cache.flush)
    cache.put_call("0" * 64, "m", {"text": f"it is {value}"})
    cache.put_call("1" * 64, "m", {"text": "it is fine"})
    for number in range(450):
        journal.append(f"step/{number}", "step", {"text": f"{value} {number}", "n": number})
    span = {
        "span_id": "1" * 16,
        "trace_id": "2" * 32,
        "parent_id": None,
        "name": f"call {value}",
        "start_ns": 1,
        "end_ns": 2,
        "status": "OK",
        "attributes": {"text": value},
        "events": [{"name": "said", "time_ns": 1, "attributes": {"text": value}}],
    }
    with database.write() as session:
        session.execute(insert(SpanRow), [span])
    return journal


def test_what_may_be_rewritten_is_and_the_rest_is_told(database: Database) -> None:
    value = secret(f"both-{database.dialect}")
    journal = fill(database, value)
    registry = Registry(History(database))
    registry.register(prompt("old", system=f"Use {value}."), message=f"with {value}")
    history = registry.history
    history.keep([prompt("candidate", system=f"Or {value}.")])
    assert list(scan(database)) == []
    remember(value, "LATE")
    tables = {leak.table for leak in scan(database)}
    assert tables == {"events", "calls", "spans", "runs", "objects", "commits", "audit"}
    done = rescan(database, author="ada")
    assert done == {"spans": 1, "events": 450, "calls": 1, "runs": 1}
    assert rescan(database) == {}
    left = list(scan(database))
    assert {leak.table for leak in left} == {"objects", "commits", "audit"}
    assert all(leak.remedy and value not in json.dumps(leak.__dict__) for leak in left)
    assert [leak for leak in left if "gc" in leak.remedy]
    with database.read() as session:
        entries = list(audit.newest(session, kind="redaction"))
        assert {entry.actor for entry in entries} == {"ada"}
        assert sum(entry.payload["rows"] for entry in entries) == 453
        assert not check_store(session, vouched=vouched_for()).findings
    again = Journal.reopen(database, journal.run)
    assert again.done("step/3") == {"text": "[secret:LATE] 3", "n": 3}
    assert list_traces(database, limit=5)[0].name == "call [secret:LATE]"
    cache = StoreCallCache(database)
    assert asyncio.run(cache.get_call("0" * 64)) is None
    assert asyncio.run(cache.get_call("1" * 64)) == {"text": "it is fine"}


def test_not_a_byte_is_left_in_the_files(tmp_path: Path) -> None:
    value = secret("bytes")
    database = Database(tmp_path / "store.db")
    fill(database, value)
    remember(value, "LATE_BYTES")
    with database.write() as session:  # what is not even in the journal: a row that was deleted
        session.execute(SpanRow.__table__.delete())
    rescan(database)
    assert any(value.encode() in each.read_bytes() for each in tmp_path.iterdir())
    assert purge(database)
    # the audit log said how the run was configured: an entry is never rewritten
    left = [each.read_bytes().count(value.encode()) for each in tmp_path.iterdir()]
    assert sum(left) == 1
    database.close()


def test_purging_says_when_somebody_reads(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    fill(database, secret("reader"))
    other = Database(tmp_path / "store.db")
    with other.read() as session:
        list(audit.newest(session))
        with database.write() as writing:
            writing.execute(SpanRow.__table__.delete())
        assert not purge(database)
    other.close()
    assert purge(database)
    database.close()


@pytest.fixture
def agp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> object:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("AGP_STORE", raising=False)

    def run(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["agp", *arguments])
        with pytest.raises(SystemExit) as ended:
            main.run()
        shown = capsys.readouterr()
        return ended.value.code, shown.out, shown.err

    return run


def test_the_commands(agp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(agp)
    value = secret("command")
    database = Database(tmp_path / ".agp" / "store.db")
    fill(database, value)
    database.close()
    assert agp("secrets", "scan")[:2] == (0, "No secrets found.\n")
    monkeypatch.setenv("LATE_SERVICE_TOKEN", value + "-9")
    monkeypatch.setenv("LATE_SERVICE_TOKEN", value)
    code, out, err = agp("secrets", "scan", "-f", "json")
    assert (code, err) == (1, "")
    assert value not in out
    assert {row["kind"] for row in json.loads(out)} == {"LATE_SERVICE_TOKEN"}
    code, out, _ = agp("secrets", "rescan", "--actor", "ada")
    assert code == 1  # the audit log cannot be rewritten
    assert "Rewrote 453 rows" in out
    assert "agp audit archive" in out
    assert value not in out
    code, out, _ = agp("secrets", "scan")
    assert code == 1
    assert "audit" in out
    assert "events" not in out


def test_files_are_scanned_by_line(agp: object, tmp_path: Path) -> None:
    assert callable(agp)
    value = "s" + "k-ant-" + "a1B2c3D4" * 6
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text(f"one\ntwo {value}\n")
    (tmp_path / "notes" / "b.bin").write_bytes(b"\x00\xff" + value.encode())
    (tmp_path / "notes" / ".git").mkdir()
    (tmp_path / "notes" / ".git" / "c").write_text(value)
    code, out, _ = agp("secrets", "scan", "notes", "-f", "json")
    assert code == 1
    assert value not in out
    rows = [(row["where"], row["field"], row["kind"]) for row in json.loads(out)]
    assert rows == [
        ("notes/a.md", "line 2", "anthropic-key"),
        ("notes/b.bin", "line 1", "anthropic-key"),
    ]
    assert agp("secrets", "scan", "nowhere")[0] == 2


def test_errors_on_the_screen_hold_no_secret(agp: object) -> None:
    assert callable(agp)
    value = "gh" + "p_" + "aB3dE6gH9j" * 4
    code, out, err = agp("show", f"prompt/{value}")
    assert code != 0
    assert value not in out + err
    code, out, err = agp("log", "--store", f"postgresql://ada:{value}@127.0.0.1:1/none")
    assert code != 0
    assert value not in out + err
