"""Kept results: believed only where their seal holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from agp.audit.keys import own_public, trust
from agp.evaluation.kept import keep_results, kept_results
from agp.store.database import Database
from agp.store.tables import EvaluationRow

KEY, OTHER = "a" * 64, "b" * 64
RESULT: dict[str, Any] = {"sample": "s/1", "score": 0.1 + 0.2, "rounds": [1.0, 0.0], "text": "ü"}


def _keep(database: Database, key: str = KEY, **changes: Any) -> None:
    with database.write() as session:
        keep_results(session, {key: {**RESULT, **changes}})


def _set(database: Database, key: str, result: dict[str, Any]) -> None:
    with database.write() as session:
        session.execute(update(EvaluationRow).where(EvaluationRow.key == key).values(result=result))


def _stored(database: Database, key: str = KEY) -> dict[str, Any]:
    with database.read() as session:
        return dict(session.scalars(select(EvaluationRow.result).filter_by(key=key)).one())


def test_what_is_kept_comes_back(database: Database) -> None:
    _keep(database)
    assert kept_results(database, [KEY, OTHER]) == {KEY: RESULT}


@pytest.mark.parametrize("change", [{"score": 1.0}, {"text": "u"}, {"more": 1}, {"seal": None}])
def test_a_changed_one_is_not_believed(database: Database, change: dict[str, Any]) -> None:
    _keep(database)
    _set(database, KEY, {**_stored(database), **change})
    assert kept_results(database, [KEY]) == {}


def test_a_seal_is_for_one_key(database: Database) -> None:
    _keep(database)
    _keep(database, OTHER, score=0.0)
    _set(database, OTHER, _stored(database))
    assert set(kept_results(database, [KEY, OTHER])) == {KEY}


def test_one_that_is_not_believed_is_replaced_and_a_good_one_stays(database: Database) -> None:
    _keep(database)
    _keep(database, score=0.9)
    assert kept_results(database, [KEY])[KEY]["score"] == RESULT["score"]
    _set(database, KEY, {**RESULT, "score": 1.0})
    _keep(database, score=0.9)
    assert kept_results(database, [KEY])[KEY]["score"] == 0.9


def test_a_strangers_counts_once_somebody_vouches(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(database)
    colleague = own_public()
    assert colleague
    monkeypatch.setenv("AGP_KEYS", str(tmp_path / "mine"))
    assert kept_results(database, [KEY]) == {}
    trust(colleague, "a colleague")
    assert kept_results(database, [KEY]) == {KEY: RESULT}
