"""Retiring entries: only into a file that proves them, and never halfway."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from agp.audit import log
from agp.audit.archive import archive
from agp.audit.checkpoint import Checkpoint
from agp.audit.checks import check_files
from agp.audit.entries import Row
from agp.audit.files import export_lines, save_new
from agp.audit.keys import vouched_for
from agp.errors import InputError, StoreError
from agp.store.database import Database
from tests.audit.support import commit, fill, judge, kinds, rows_of, sign


def move(database: Database, checkpoint: Checkpoint, path: Path) -> None:
    archive(database, checkpoint, path, actor="ada", vouched=vouched_for())


def test_what_remains_is_provable_alone_and_with_the_archives(
    database: Database, auditor: Path, tmp_path: Path
) -> None:
    fill(logged := database)
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    early = sign(logged, auditor)
    commit(logged, 7)
    whole = rows_of(logged)
    move(logged, early, first)
    assert [row.seq for row in rows_of(logged)] == [9, 10]
    for given in ({}, {"expect": early}, {"archives": [first]}):
        assert judge(logged, **given).findings == []
    late = sign(logged, auditor)
    commit(logged, 8)
    move(logged, late, second)
    assert [row.seq for row in rows_of(logged)] == [11, 12]
    assert judge(logged, expect=late).findings == []
    entire = judge(logged, archives=[first, second], expect=early)
    assert (entire.findings, entire.first, entire.last) == ([], 0, 12)
    assert (first.read_bytes() + second.read_bytes()).startswith(b"".join(export_lines(whole)))
    offline = check_files([first, second], vouched=vouched_for(), expect=early)
    assert offline.findings == []
    commit(logged, 9)
    assert judge(logged).findings == []


def test_missing_swapped_and_changed_archives_are_found(
    logged: Database, auditor: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    early = sign(logged, auditor)
    move(logged, early, first)
    commit(logged, 7)
    move(logged, sign(logged, auditor), second)
    assert "checkpoint" in kinds(judge(logged, expect=early))
    assert judge(logged, archives=[second, first]).findings
    assert judge(logged, archives=[first]).findings
    first.write_bytes(first.read_bytes().replace(b"Change 2", b"Change 3"))
    assert judge(logged, archives=[first, second]).findings


def test_a_removed_beginning_is_no_archive(logged: Database, auditor: Path, tmp_path: Path) -> None:
    _delete(logged, "seq < 3")
    assert kinds(judge(logged)) == {"begin"}
    commit(logged, 7)
    assert kinds(judge(logged)) == {"begin"}


def test_more_than_was_archived_removed_is_found(
    logged: Database, auditor: Path, tmp_path: Path
) -> None:
    made = sign(logged, auditor)
    commit(logged, 7)
    move(logged, made, tmp_path / "1.jsonl")
    _delete(logged, "seq = 9")
    assert kinds(judge(logged)) == {"begin"}


def test_a_claim_of_an_archive_without_a_genuine_checkpoint_is_found(
    logged: Database, auditor: Path
) -> None:
    made = sign(logged, auditor).model_dump()
    with logged.write() as session:
        about = {"first": 0, "commits": 6, "digest": "0" * 64, "sha256": ""}
        log.append(session, "archive", "ada", {**about, "checkpoint": {**made, "at": "never"}})
    _delete(logged, "seq <= 8")
    assert kinds(judge(logged)) == {"archive", "begin"}


def test_a_log_that_does_not_extend_the_checkpoint_is_not_archived(
    logged: Database, auditor: Path, tmp_path: Path
) -> None:
    made = sign(logged, auditor)
    _delete(logged, "seq = 8")
    before = rows_of(logged)
    with pytest.raises(InputError, match="Nothing was archived"):
        move(logged, made, tmp_path / "1.jsonl")
    assert rows_of(logged) == before
    assert not (tmp_path / "1.jsonl").exists()


def test_another_file_is_never_overwritten(logged: Database, auditor: Path, tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        move(logged, sign(logged, auditor), tmp_path / "1.jsonl")
    assert (tmp_path / "1.jsonl").read_text() == "mine"
    assert len(rows_of(logged)) == 9


def test_the_same_checkpoint_is_archived_once(
    logged: Database, auditor: Path, tmp_path: Path
) -> None:
    made = sign(logged, auditor)
    move(logged, made, tmp_path / "1.jsonl")
    with pytest.raises(InputError, match="archived already"):
        move(logged, made, tmp_path / "2.jsonl")


def test_a_failure_before_the_removal_leaves_the_store_and_may_be_repeated(
    logged: Database, auditor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, before = sign(logged, auditor), rows_of(logged)

    def fail(*_: object) -> None:
        raise StoreError("the power went out")

    with monkeypatch.context() as patch:
        patch.setattr(log, "append", fail)
        with pytest.raises(StoreError, match="power"):
            move(logged, made, tmp_path / "1.jsonl")
    assert rows_of(logged) == before
    assert judge(logged).findings == []
    move(logged, made, tmp_path / "1.jsonl")
    assert judge(logged, archives=[tmp_path / "1.jsonl"], expect=made).findings == []


def test_a_file_changed_before_the_removal_stops_it(
    logged: Database, auditor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, before = sign(logged, auditor), rows_of(logged)
    lock = logged.one_at_a_time

    def meddle(session: object) -> None:
        path = tmp_path / "1.jsonl"
        path.write_bytes(path.read_bytes()[:-1])
        lock(session)  # type: ignore[arg-type]

    monkeypatch.setattr(logged, "one_at_a_time", meddle)
    with pytest.raises(StoreError, match="not what the store holds"):
        move(logged, made, tmp_path / "1.jsonl")
    assert rows_of(logged) == before


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def lines() -> object:
        yield b"first\n"
        raise StoreError("damaged")

    with pytest.raises(StoreError):
        save_new(tmp_path / "out", lines())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_rows_that_are_no_text_are_not_exported() -> None:
    with pytest.raises(StoreError, match="Entry 3"):
        list(export_lines([Row(3, b"\xff", "", "")]))


def _delete(database: Database, what: str) -> None:
    with database.write() as session:
        session.execute(text(f"DELETE FROM audit WHERE {what}"))
