"""Evaluation through the project: caching by content, unscored apart, refinement, traces."""

from __future__ import annotations

import pytest

from agp.errors import BudgetExhausted, InputError, ModelError
from agp.evaluation.types import Sample, Score
from agp.models.types import ModelRequest
from agp.rspl.entities import ResourceId
from agp.runs.journal import Journal, list_runs
from agp.tracing.reader import list_traces, read_trace
from tests.conftest import MakeProject
from tests.support.echo import Echo, number_in


def says_even(request: ModelRequest) -> str:
    """Right on even numbers only."""
    number = number_in(request)
    return str(number) if number % 2 == 0 else "no idea"


def test_a_score_has_its_interval_and_its_n(make_project: MakeProject) -> None:
    report = make_project(says_even).bench(Echo(40))
    assert report.vanilla is not None
    assert (report.vanilla.mean, report.vanilla.n) == (0.5, 40)
    assert 0.34 < report.vanilla.low < 0.36
    assert 0.64 < report.vanilla.high < 0.66


def test_nothing_is_paid_twice_and_a_change_is_measured_anew(make_project: MakeProject) -> None:
    project = make_project(says_even)
    first = project.bench(Echo(10))
    again = project.bench(Echo(10))
    assert (again.reused, again.spend.calls) == (10, 0)
    assert again.vanilla == first.vanilla
    project.registry.set_variables(ResourceId.parse("prompt/solver"), {"params/system": "New."})
    changed = project.bench(Echo(10))
    assert (changed.reused, changed.spend.calls) == (0, 10)
    project.registry.restore(ResourceId.parse("prompt/solver"), "1.0.0")
    assert project.bench(Echo(10)).spend.calls == 0


def test_another_seed_never_shares_a_result(make_project: MakeProject) -> None:
    project = make_project(says_even)
    project.bench(Echo(10), seed=1)
    assert project.bench(Echo(10), seed=2).spend.calls == 10


def test_an_outage_is_unscored_and_apart_not_a_zero(make_project: MakeProject) -> None:
    def script(request: ModelRequest) -> str | Exception:
        number = number_in(request)
        return ModelError("the server is down") if number % 4 == 3 else str(number)

    project = make_project(script)
    report = project.bench(Echo(12))
    assert report.vanilla is not None
    assert (report.vanilla.mean, report.vanilla.n, report.vanilla.unscored) == (1.0, 9, 3)
    assert len(report.unscored) == 3
    assert "the server is down" in report.unscored[0]


def test_a_crashed_answer_counts_zero_and_stays_in_the_denominator(
    make_project: MakeProject,
) -> None:
    report = make_project(lambda r: "" if number_in(r) < 3 else str(number_in(r))).bench(Echo(12))
    assert report.vanilla is not None
    assert (report.vanilla.mean, report.vanilla.n) == (0.75, 12)


def test_a_server_that_stays_down_ends_the_run_with_a_remedy(make_project: MakeProject) -> None:
    project = make_project(lambda _: ModelError("connection refused"))
    with pytest.raises(ModelError, match="5 samples in a row") as caught:
        project.bench(Echo(40))
    assert "agp resume" in str(caught.value)
    assert list_runs(project.database)[0].status == "stopped"


def test_a_scorer_that_crashes_is_not_the_agents_fault(make_project: MakeProject) -> None:
    class Crashing(Echo):
        async def score(self, sample: Sample, text: str) -> Score:
            if sample.id == "echo/3":
                raise KeyError("oops")
            return await super().score(sample, text)

    report = make_project(says_even).bench(Crashing(10))
    assert report.unscored == ["echo/3: scorer: KeyError: 'oops'"]


@pytest.mark.parametrize("value", [True, float("nan"), float("inf"), -0.1, 1.1, "1", None])
def test_a_score_is_a_finite_number(value: object) -> None:
    with pytest.raises(ValueError, match="score is"):
        Score(value=value)  # type: ignore[arg-type]


def test_refinement_shows_feedback_keeps_the_best_and_stops_when_right(
    make_project: MakeProject,
) -> None:
    def script(request: ModelRequest) -> str:
        number, refinements = number_in(request), request.messages[-1]["content"]
        if "Say the number" in refinements:
            return "wrong"
        assert "another number" in refinements
        return str(number) if number % 2 else "wrong again"

    report = make_project(script).bench(Echo(10), refine=2)
    assert report.attempts == [0.0, 0.5, 0.5]
    assert report.oracle
    assert report.vanilla is not None
    assert report.refined is not None
    assert (report.vanilla.mean, report.refined.mean) == (0.0, 0.5)
    assert report.spend.calls == 10 + 10 + 5


def test_the_budget_is_never_exceeded_and_what_was_done_is_kept(
    make_project: MakeProject,
) -> None:
    project = make_project(says_even)
    with pytest.raises(BudgetExhausted, match="7 calls"):
        project.bench(Echo(40), budget={"calls": 7})
    journal = Journal.reopen(project.database)
    assert sum(key.startswith("sample/") for key in journal.steps) == 7
    report = project.resume(budget={"calls": 100}, benchmark=Echo(40))
    assert report.spend.calls == 40


@pytest.mark.parametrize(
    "settings", [{"limit": 0}, {"concurrency": 0}, {"refine": -1}, {"budget": {"calls": -1}}]
)
def test_numbers_that_make_no_sense_are_refused(
    make_project: MakeProject, settings: dict[str, object]
) -> None:
    with pytest.raises(InputError, match="must be at least"):
        make_project(says_even).bench(Echo(10), **settings)


def test_every_sample_is_a_trace_linked_to_versions_and_score(make_project: MakeProject) -> None:
    project = make_project(says_even)
    report = project.bench(Echo(3))
    roots = list_traces(project.database, run=report.run)
    assert {root.attributes["test.case.id"] for root in roots} == {"echo/0", "echo/1", "echo/2"}
    spans = read_trace(project.database, roots[-1].trace_id)
    assert [span.name.split()[0] for span in spans] == ["invoke_workflow", "invoke_agent", "chat"]
    agent = spans[1].attributes
    view = project.registry.view()
    assert agent["gen_ai.prompt.version"] == view.refs[ResourceId.parse("prompt/solver")]
    assert agent["agp.commit"] == view.commit
    assert spans[0].events[0]["attributes"]["gen_ai.evaluation.score.value"] in (0.0, 1.0)
    assert "Say the number" in spans[2].attributes["gen_ai.input.messages"]


def test_content_stays_out_of_traces_when_asked(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGP_TRACE_CONTENT", "0")
    project = make_project(says_even)
    report = project.bench(Echo(2))
    root = list_traces(project.database, run=report.run)[0]
    assert not any(
        "messages" in key
        for s in read_trace(project.database, root.trace_id)
        for key in s.attributes
    )
