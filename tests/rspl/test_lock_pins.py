"""Lock files pin what they hold, so that collecting garbage does not take it away."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from agp.errors import InputError, StoreError
from agp.rspl.history import History
from agp.rspl.lock import read_lock, write_lock
from agp.rspl.registry import Registry
from agp.rspl.upkeep.gc import Collected, collect
from agp.store.tables import ObjectRow, PinRow

from .helpers import prompt


def test_what_a_lock_file_holds_is_pinned_candidates_included(
    history: History, tmp_path: Path
) -> None:
    Registry(history).register(prompt())
    Registry(history).register(prompt("other"))
    candidate = prompt(system="candidate")
    view = history.view().with_overlay([candidate])
    write_lock(view, tmp_path / "lock.json", history)
    write_lock(view, tmp_path / "lock.json", history)
    with history.database.read() as session:
        pins = session.execute(select(PinRow.view, PinRow.digest)).all()
    assert {tuple(pin) for pin in pins} == {(view.digest, each) for each in view.refs.values()}
    assert collect(history.database, grace=timedelta(0)) == Collected()
    assert history.load(candidate.digest) == candidate
    assert read_lock(tmp_path / "lock.json")[0].digest == view.digest


def test_a_store_that_cannot_be_written_still_gives_lock_files(tmp_path: Path) -> None:
    from agp.store.database import Database

    database = Database(tmp_path / "store.db")
    Registry(History(database)).register(prompt())
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    newer = Database(tmp_path / "store.db")
    history = History(newer)
    write_lock(history.view(), tmp_path / "lock.json", history)
    assert read_lock(tmp_path / "lock.json")[0].digest == history.view().digest
    with pytest.raises(StoreError):
        history.keep([prompt(system="x")])
    newer.close()


def test_keeping_and_pinning_is_one_write(history: History, tmp_path: Path) -> None:
    Registry(history).register(prompt())
    candidate = prompt(system="candidate")
    with history.database.write() as session:
        session.execute(text("DROP TABLE pins"))
    with pytest.raises(StoreError):
        write_lock(history.view().with_overlay([candidate]), tmp_path / "lock.json", history)
    with history.database.read() as session:
        assert session.get(ObjectRow, candidate.digest) is None
    assert list(tmp_path.glob("lock*")) == []


@pytest.mark.parametrize("name", ["nowhere/lock.json", "n" * 300, "a\0b"])
def test_a_place_where_nothing_can_be_written(history: History, tmp_path: Path, name: str) -> None:
    Registry(history).register(prompt())
    with pytest.raises(InputError, match="cannot be written"):
        write_lock(history.view(), tmp_path / name, history)
    with history.database.read() as session:
        assert session.scalars(select(PinRow.digest)).all() == []


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"format":' * 100_000, "[]", "{", "", '{"format": "agp-lock/1"}']
)
def test_what_is_no_lock_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock.json").write_text(text)
    with pytest.raises(InputError, match=r"lock\.json"):
        read_lock(tmp_path / "lock.json")
