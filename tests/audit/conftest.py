"""Keys in a temporary folder, never the user's own; and a log that is worth judging."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agp.audit.keys import make_pair
from agp.store.database import Database
from tests.audit.support import fill


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's keys, for the test alone."""
    monkeypatch.setenv("AGP_KEYS", str(tmp_path / "keys"))
    return tmp_path / "keys"


@pytest.fixture
def auditor(tmp_path: Path) -> Path:
    """A checkpoint key that the store's user does not hold."""
    make_pair(tmp_path / "auditor.key")
    return tmp_path / "auditor.key"


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Database]:
    """A store with nine entries: the first, six commits, two notes."""
    database = Database(tmp_path / "logged.db")
    fill(database)
    yield database
    database.close()
