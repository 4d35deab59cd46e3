"""Lock files pin what they hold, so that collecting garbage does not take it away."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from agp.errors import StoreError
from agp.rspl.history import History
from agp.rspl.lock import read_lock, write_lock
from agp.rspl.registry import Registry
from agp.rspl.upkeep.gc import Collected, collect
from agp.store.tables import PinRow

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
    from sqlalchemy import text

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
