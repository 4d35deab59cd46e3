"""Time limits, scoring in processes, repetitions and failure records, through the project."""

from __future__ import annotations

import asyncio
import os
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.budget import Budget, Ledger
from agp.errors import BudgetExhausted, InputError
from agp.evaluation.execution import NotSendable
from agp.evaluation.failures import Failure
from agp.evaluation.results import SampleResult, pass_at
from agp.models.types import Completion, ModelRequest
from agp.project import Project
from agp.runs.journal import Journal
from agp.runs.report import ScoreLine
from agp.stop import Gate
from tests.conftest import MakeProject
from tests.support.echo import Echo, number_in
from tests.support.hostile import Hostile


def results_of(project: Project) -> dict[str, SampleResult]:
    """The journalled results of the newest run, by sample."""
    steps = Journal.reopen(project.database).steps
    found = [SampleResult.model_validate(p) for k, p in steps.items() if k.startswith("sample/")]
    return {result.sample: result for result in found}


def test_scorers_that_compute_are_ended_and_the_rest_is_scored(make_project: MakeProject) -> None:
    project = make_project(lambda request: request.messages[-1]["content"])
    report = project.bench(Hostile(["fine", "exit", "raise"]))
    assert report.vanilla is not None
    assert (report.vanilla.n, report.vanilla.mean, report.vanilla.unscored) == (1, 1.0, 2)
    assert report.unscored == [
        "hostile/1: scorer: the worker process ended with exit code 3",
        "hostile/2: scorer: KeyError: 'no such thing'",
    ]
    report = project.bench(Hostile(["loop"]), scorer_seconds=1.0)
    assert report.vanilla is not None
    assert (report.vanilla.n, report.vanilla.mean) == (1, 0.0)  # a time-out is a score
    late = results_of(project)["hostile/0"]
    assert late.rounds == [0.0]
    assert late.failure is not None
    assert late.failure.timed_out
    assert late.feedback == "scorer: no result within 1 s"


def test_a_scorer_that_cannot_be_sent_is_refused_before_anything_is_spent(
    make_project: MakeProject,
) -> None:
    class Local(Echo):
        cpu_bound = True

    project = make_project(lambda r: str(number_in(r)))
    with pytest.raises(NotSendable, match="not defined at the top level of a file"):
        project.bench(Local(3))


class Hanging:
    """A model that never answers to odd numbers."""

    async def complete(self, request: ModelRequest) -> Completion:
        number = number_in(request)
        if number % 2:
            await asyncio.sleep(60)
        return Completion(text=str(number), model=request.model)


def test_a_sample_that_takes_too_long_counts_zero_and_is_measured_anew_later(
    tmp_path: Path,
) -> None:
    with Project(tmp_path, model="x/y", backends={"x": Hanging()}) as project:
        report = project.bench(Echo(6), sample_seconds=1.5)
        assert report.vanilla is not None
        assert (report.vanilla.mean, report.vanilla.n) == (0.5, 6)
        late = results_of(project)["echo/1"]
        assert (late.score, late.ended, late.text) == (0.0, "timeout", "")
        assert late.failure == Failure(
            where="sample", kind="TimedOut", message="no result within 1.5 s"
        )
        again = project.bench(Echo(6), sample_seconds=0.2)
        assert again.reused == 3  # only what was measured to its end is known


def test_a_policy_that_raises_is_told_with_its_own_lines(
    make_project: MakeProject, tmp_path: Path
) -> None:
    folder = tmp_path / "project" / "agents" / "broken"
    folder.mkdir(parents=True)
    (folder / "AGENT.md").write_text("---\ndescription: Breaks\n---\nBreak.\n")
    (folder / "policy.py").write_text(
        "class Policy:\n    async def run(self, run):\n        return {}['missing']\n"
    )
    project = make_project(lambda _: "x")
    project.bench(Echo(1), "broken")
    failure = results_of(project)["echo/0"].failure
    assert failure is not None
    assert (failure.where, failure.kind, failure.message) == ("agent", "KeyError", "'missing'")
    assert "return {}['missing']" in failure.traceback
    assert "session.py" not in failure.traceback


def test_a_failure_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hunter2-7f9a-11ee")
    try:
        raise ValueError("refused: hunter2-7f9a-11ee")
    except ValueError as error:
        failure = Failure.of(error, "scorer")
    assert failure.reason == "scorer: ValueError: refused: [secret:SOME_API_KEY]"
    assert "raise ValueError" in failure.traceback
    assert os.environ["SOME_API_KEY"] not in failure.model_dump_json()


def test_repetitions_are_drawn_anew_and_count_once_a_sample(make_project: MakeProject) -> None:
    seeds: set[int] = set()

    def script(request: ModelRequest) -> str:
        seeds.add(request.sampling_seed)
        number = number_in(request)  # sample 0 always right, 1 never, 2 and 3 the first time only
        right = number == 0 or (number > 1 and request.repetition == 0)
        return str(number) if right else "no idea"

    project = make_project(script)
    report = project.bench(Echo(4), epochs=3)
    assert len(seeds) == 3
    assert report.vanilla is not None
    assert report.vanilla.n == 4  # not 12: repetitions of a sample are no independent evidence
    assert report.vanilla.mean == pytest.approx((1 + 0 + 1 / 3 + 1 / 3) / 4)
    assert report.pass_at == pytest.approx([5 / 12, (1 + 2 / 3 + 2 / 3) / 4, 3 / 4])
    assert report.spend.calls == 12
    more = project.bench(Echo(4), epochs=4)  # the first three of each are known
    assert (more.reused, more.spend.calls) == (12, 4)
    with pytest.raises(InputError, match="epochs must be at least 1"):
        project.bench(Echo(4), epochs=0)


def _result(score: float | None) -> SampleResult:
    return SampleResult(sample="s", sample_digest="", key="", score=score)


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_pass_at_k_is_what_counting_subsets_gives(right: list[bool]) -> None:
    told = pass_at([_result(float(each)) for each in right], len(right))
    for k, share in enumerate(told, 1):
        subsets = list(combinations(right, k))
        assert share == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_a_repetition_that_is_unscored_leaves_the_others() -> None:
    results = [_result(1.0), _result(None), _result(0.0), _result(None)]  # two samples, twice
    line = ScoreLine.of(results, 2)
    assert line is not None
    assert (line.mean, line.n, line.unscored) == (0.5, 1, 1)
    assert pass_at(results, 2) == [0.5, 1.0]
    assert pass_at([_result(0.5), _result(1.0)], 2) == []


async def test_batches_of_evaluations_never_exceed_their_budget() -> None:
    ledger, begun = Ledger(Budget(evaluations=100)), 0

    async def caller(count: int) -> None:
        nonlocal begun
        while True:
            await ledger.evaluation("solver", count)
            begun += count
            await asyncio.sleep(0)

    async with ledger.open(Gate()):
        sizes = [1 + n % 7 for n in range(32)]
        ends = await asyncio.gather(*map(caller, sizes), return_exceptions=True)
    assert all(isinstance(end, BudgetExhausted) for end in ends)
    assert begun == 100  # all of it, with 32 callers at once, and not one more
