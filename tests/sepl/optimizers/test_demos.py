"""demos: demonstrations are what the agent itself solved, from feedback samples only."""

from __future__ import annotations

import re

from agp.evaluation.types import DataRequest
from agp.models.types import ModelRequest
from agp.rspl.entities import ResourceId
from agp.runs.journal import Journal
from tests.conftest import MakeProject
from tests.support.echo import Echo, is_operator

PROMPT = ResourceId.parse("prompt/solver")


def script(request: ModelRequest) -> str:
    """It is right on multiples of three, and on all once it is shown an example."""
    assert not is_operator(request), "nobody proposes"
    users = [m["content"] for m in request.messages if m["role"] == "user"]
    found = re.search(r"Say the number (\d+)", users[-1])
    assert found
    return found[1] if len(users) > 1 or int(found[1]) % 3 == 0 else "no idea"


def test_demonstrations_come_from_feedback_samples_alone(make_project: MakeProject) -> None:
    project = make_project(script)
    report = project.evolve(Echo(60), optimizer="demos", rounds=1, parameters={"most": 2})
    assert report.commit
    assert report.evolved is not None
    assert report.evolved.mean == 1.0
    shown = project.registry.get(PROMPT).demonstrations
    assert 1 <= len(shown) <= 2
    numbers = {int(each["output"]) for each in shown}
    assert all(number % 3 == 0 for number in numbers)
    assert {each["input"] for each in shown} == {f"Say the number {n}." for n in numbers}
    plan = Journal.reopen(project.database, report.run).done("plan")
    assert plan is not None
    samples = {s.task.input: s.digest for s in Echo(60).load(DataRequest())}
    assert {samples[each["input"]] for each in shown} <= set(plan["splits"]["feedback"])


def test_where_nothing_is_solved_nothing_is_proposed(make_project: MakeProject) -> None:
    report = make_project(lambda request: "no idea").evolve(Echo(20), optimizer="demos", rounds=2)
    assert report.proposals == []
    assert report.commit is None
