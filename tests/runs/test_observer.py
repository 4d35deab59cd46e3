"""Events: what observers and callbacks are told, in which order, and what a bad one cannot do."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from agp.budget import Spend
from agp.errors import BudgetExhausted, InputError
from agp.evaluation.results import SampleResult
from agp.runs.events import (
    BudgetSpent,
    CandidateAssessed,
    Event,
    Note,
    PhaseStarted,
    RoundFinished,
    RunFinished,
    RunStarted,
    RunStopped,
    SampleFinished,
)
from agp.runs.journal import list_runs
from agp.runs.observer import Announcer, Observer
from tests.conftest import MakeProject
from tests.support.echo import Echo, number_in

RESULT = SampleResult(sample="s/1", sample_digest="d", key="k", score=0.5)


class Remembering(Observer):
    """An observer of the old kind: methods only."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def phase(self, name: str, total: int) -> None:
        self.told.append((name, total))

    def result(self, result: SampleResult) -> None:
        self.told.append(result.sample)

    def note(self, text: str) -> None:
        self.told.append(text)


def test_calls_and_events_reach_observer_and_callbacks_alike() -> None:
    observer, heard = Remembering(), list[Event]()
    announcer = Announcer(observer, [heard.append])
    announcer.run = "evolve-1"
    announcer.phase("baseline", 3)
    announcer.result(RESULT)
    announcer.event(PhaseStarted(name="holdout", total=1))
    announcer.note("hello")
    assert observer.told == [("baseline", 3), "s/1", ("holdout", 1), "hello"]
    assert heard == [
        PhaseStarted(run="evolve-1", name="baseline", total=3),
        SampleFinished(run="evolve-1", result=RESULT, phase="baseline"),
        PhaseStarted(run="evolve-1", name="holdout", total=1),
        Note(run="evolve-1", text="hello"),
    ]


def test_what_is_spent_is_told_with_every_round_over_all_sessions() -> None:
    heard: list[Event] = []
    announcer = Announcer(None, [heard.append])
    announcer.before, announcer.spent = Spend(calls=5), Spend(calls=1)
    announcer.event(RoundFinished(round=0, feedback=0.5, selection=None))
    announcer.spent.add(Spend(calls=2))
    announcer.event(RoundFinished(round=1, feedback=0.5, selection=None))
    assert [e.spend.calls for e in heard if isinstance(e, BudgetSpent)] == [6, 8]


def test_a_callback_that_raises_is_logged_once_and_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("no disk left")

    announcer = Announcer(None, [broken, heard.append])
    with caplog.at_level(logging.ERROR, "agp"):
        for text in ("one", "two", "three"):
            announcer.note(text)
    assert [e.text for e in heard if isinstance(e, Note)] == ["one", "two", "three"]
    (record,) = caplog.records
    assert "broken" in record.getMessage()
    assert "RuntimeError: no disk left" in caplog.text


async def _asynchronous(event: Event) -> None: ...


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([_asynchronous], "is async"),
        ([3], "is no callback"),
        (print, "a list of functions"),
        ([lambda: None], "cannot be called with one event"),
        ([lambda a, b: None], "cannot be called with one event"),
    ],
)
def test_what_cannot_be_called_is_refused_before_a_run_begins(
    make_project: MakeProject, callbacks: Any, message: str
) -> None:
    project = make_project(lambda r: str(number_in(r)))
    for start in (project.bench, project.evolve):
        with pytest.raises(InputError, match=message):
            start(Echo(10), callbacks=callbacks)
    assert list_runs(project.database) == []


def test_an_event_is_json() -> None:
    event = CandidateAssessed(
        round=2, id="r2c1", strategy="rewrite", accepted=False, rule="screen", reason="worse"
    )
    data = json.loads(json.dumps(event.data()))
    assert (data["type"], data["id"], data["parents"]) == ("CandidateAssessed", "r2c1", ["seed"])
    assert json.dumps(SampleFinished(result=RESULT).data())


def test_a_run_tells_its_beginning_its_samples_and_its_end(make_project: MakeProject) -> None:
    heard: list[Event] = []
    project = make_project(lambda r: str(number_in(r)))
    with pytest.raises(BudgetExhausted):
        project.bench(Echo(10), budget={"calls": 4}, concurrency=1, callbacks=[heard.append])
    names = [type(event).__name__ for event in heard]
    assert names[:2] == ["RunStarted", "PhaseStarted"]
    assert names[2:] == ["SampleFinished"] * 4 + ["BudgetSpent", "RunStopped"]
    started, stopped = heard[0], heard[-1]
    assert isinstance(started, RunStarted)
    assert isinstance(stopped, RunStopped)
    assert (started.kind, started.resumed, stopped.status) == ("bench", False, "stopped")
    assert stopped.error == "BudgetExhausted"
    assert len({event.run for event in heard}) == 1
    heard.clear()
    report = project.resume(budget={}, benchmark=Echo(10), callbacks=[heard.append])
    started, spent, finished = heard[0], heard[-2], heard[-1]
    assert isinstance(started, RunStarted)
    assert started.resumed
    assert isinstance(spent, BudgetSpent)
    assert spent.spend.calls == report.spend.calls == 10
    assert isinstance(finished, RunFinished)
    assert finished.report == report
