"""What an evolution tells while it goes on, and what its journal says to later readers."""

from __future__ import annotations

from agp.evaluation.splits import split
from agp.evaluation.types import DataRequest
from agp.models.types import ModelRequest
from agp.runs.events import (
    CandidateAssessed,
    CandidateProposed,
    Decision,
    Event,
    Planned,
    RoundFinished,
)
from agp.runs.facts import candidates, costs, holdout, progress, splits_of
from agp.runs.listing import read_run
from tests.conftest import MakeProject
from tests.support.echo import Echo, causes, is_operator, is_reflect, number_in, rewrite, system_of

GOOD = "Always say the number."


def script(request: ModelRequest) -> str:
    """Right on every third number, and on all once the prompt is the good one."""
    if is_operator(request):
        return causes() if is_reflect(request) else rewrite(request, GOOD)
    number = number_in(request)
    return str(number) if GOOD in system_of(request) or number % 3 == 0 else "no idea"


def test_a_run_tells_the_same_as_its_journal_and_its_report(make_project: MakeProject) -> None:
    heard: list[Event] = []
    project = make_project(script)
    report = project.evolve(Echo(60), rounds=1, candidates=1, callbacks=[heard.append])
    told = {type(event): event for event in heard}
    run = read_run(project.database, report.run)
    seed, found = candidates(run)

    proposed, assessed = told[CandidateProposed], told[CandidateAssessed]
    assert isinstance(proposed, CandidateProposed)
    assert isinstance(assessed, CandidateAssessed)
    assert proposed.id == assessed.id == found.id == "r1c1"
    assert tuple(proposed.parents) == found.parents == (seed.id,)
    assert proposed.edits[0]["value"] == GOOD
    assert set(assessed.scores.values()) == {1.0}
    assert assessed.scores == found.scores
    assert assessed.accepted

    planned, decision = told[Planned], told[Decision]
    assert isinstance(planned, Planned)
    assert isinstance(decision, Decision)
    assert decision.commit == report.commit is not None
    assert planned.plan == report.plan
    expected = split(Echo(60).load(DataRequest()), feedback=12, selection=18, holdout=30, seed=0)
    assert splits_of(run)["holdout"] == [sample.digest for sample in expected.holdout]
    assert set(seed.scores) == {sample.digest for sample in expected.selection}

    before, after = holdout(run)
    assert report.vanilla is not None
    assert sum(s or 0 for s in before.values()) / 30 == report.vanilla.mean
    assert set(after.values()) == {1.0}
    rounds = [event for event in heard if isinstance(event, RoundFinished)]
    assert [each.round for each in rounds] == [0, 1]
    assert (rounds[0].best, rounds[1].best, rounds[1].selection) == ("seed", "r1c1", 1.0)
    assert [point.candidate for point in progress(run)][:2] == ["seed", "r1c1"]
    spent = {c.part: c.spend.evaluations for c in costs(run) if c.role == "agent"}
    assert spent["baseline"] == 30
    assert spent["holdout"] == 60
    assert sum(spent.values()) == report.spend.evaluations
