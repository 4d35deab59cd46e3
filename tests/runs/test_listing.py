"""Finding and reading runs, also while they are written, on both databases."""

from __future__ import annotations

import threading

import pytest

from agp.errors import InputError, NotFoundError
from agp.runs.journal import Journal
from agp.runs.listing import LATEST, find_run, list_summaries, read_run
from agp.store.database import Database
from tests.runs.stored import CONFIG, sample


def made(database: Database, kind: str = "evolve", status: str = "") -> Journal:
    """A run of one sample."""
    journal = Journal.start(database, kind, dict(CONFIG))
    journal.append("sample/1", "sample", sample("a", 1.0))
    if status:
        journal.close(status)
    return journal


def test_runs_are_found_by_id_by_beginning_and_as_latest(database: Database) -> None:
    first, second = made(database, "bench"), made(database)
    refused = made(database, status="refused")
    assert find_run(database) == find_run(database, LATEST) == second.run
    assert find_run(database, "ben") == find_run(database, first.run) == first.run
    with pytest.raises(InputError, match="2 runs begin with 'evolve-'") as error:
        find_run(database, "evolve-")
    assert second.run in (error.value.hint or "")
    assert refused.run in (error.value.hint or "")
    for unknown in ("bench-1999", "nope", ""):
        with pytest.raises(NotFoundError):
            find_run(database, unknown)


def test_an_empty_store_says_how_to_begin(database: Database) -> None:
    with pytest.raises(InputError, match="no run in this store yet"):
        find_run(database)
    assert list_summaries(database) == []


def test_a_run_is_read_with_its_steps_in_order(database: Database) -> None:
    journal = made(database)
    journal.append("session/1", "session", {"wall": 2.5, "spend": {}, "ended": None})
    run = read_run(database, journal.run)
    assert [(step.key, step.type) for step in run.steps] == [
        ("sample/1", "sample"),
        ("session/1", "session"),
    ]
    assert run.steps[0].at.startswith("20")
    assert (run.status, run.kind, run.benchmark) == ("running", "evolve", "echo")
    assert run.spend.evaluations == 1
    assert run.report is None


def test_summaries_are_filtered_and_count_what_is_spent(database: Database) -> None:
    made(database, "bench", "stopped")
    journal = made(database)
    report = {
        "agent": "agent/solver",
        "benchmark": "echo:easy",
        "vanilla": {"mean": 0.5, "low": 0.2, "high": 0.8, "n": 10, "unscored": 0},
        "spend": {"calls": 7, "evaluations": 5},
        "wall_seconds": 3.0,
    }
    journal.append("report", "report", report, also=journal.finished)
    newest, oldest = list_summaries(database)
    assert (newest.status, newest.benchmark, newest.agent) == (
        "finished",
        "echo:easy",
        "agent/solver",
    )
    assert newest.before is not None
    assert (newest.before.mean, newest.after) == (0.5, None)
    assert (newest.spend.evaluations, newest.wall_seconds) == (5, 3.0)  # the report's, once
    assert read_run(database, newest.id).spend.calls == 7
    assert (oldest.spend.evaluations, oldest.before) == (1, None)
    assert [each.kind for each in list_summaries(database, kind="bench")] == ["bench"]
    assert [each.kind for each in list_summaries(database, status="finished")] == ["evolve"]
    assert len(list_summaries(database, limit=1)) == 1
    with pytest.raises(InputError, match="status 'done'"):
        list_summaries(database, status="done")


def test_a_run_that_is_read_can_be_written_meanwhile(database: Database) -> None:
    """A reader holds its transaction open; a writer in another thread commits regardless."""
    journal = made(database)
    with database.read() as session:
        from sqlalchemy import select

        from agp.store.tables import EventRow

        before = session.scalars(select(EventRow)).all()
        writer = threading.Thread(
            target=lambda: journal.append("sample/2", "sample", sample("b", 0.0))
        )
        writer.start()
        writer.join(timeout=30)
        assert not writer.is_alive()
        assert len(session.scalars(select(EventRow)).all()) == len(before)
    assert len(read_run(database, journal.run).steps) == 2
