"""Rollouts: every step on evidence, every way back, and nothing that no outcome supports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agp.errors import AgpError, ConflictError, InputError, NotFoundError
from agp.project import Project
from agp.rspl.entities import ResourceId
from agp.sepl.rollout import Lane, Rollout, Rollouts, Stage, Thresholds, standing
from agp.sepl.rollout.evidence import capital
from tests.attacks.gate.case import Yard, clean
from tests.support.echo import Echo, number_in, system_of

IT = ResourceId.parse("prompt/solver")
NEW = "Always say the number."
FEW = Thresholds(least=5, share=0.5)


def _model(request: object) -> str:
    good = NEW in system_of(request)  # type: ignore[arg-type]
    number = number_in(request)  # type: ignore[arg-type]
    return str(number) if good or number % 2 else "no idea"


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """A project whose branch ``trial`` has a better prompt."""
    with Yard() as yard:
        made = yard.project(_model)
        made.history.create_branch("trial", at="main")
        made.registry.branch = "trial"
        made.registry.set_variables(IT, {"params/system": NEW})
        made.registry.branch = "main"
        yield made


@pytest.fixture
def rollouts(project: Project) -> Iterator[Rollouts]:
    made = Rollouts(project.history)
    before = project.registry.get(IT).system
    yield made
    if (left := made.on("main")) is not None:
        made.abort(left.id)
    if project.registry.get(IT).system != before:
        project.registry.set_variables(IT, {"params/system": before})


def _outcomes(
    prefix: str, own: list[float | None], live: list[float]
) -> list[tuple[str, Lane, float | None]]:
    both: list[tuple[str, Lane, float | None]] = []
    for number, (mine, other) in enumerate(zip(own, live, strict=True)):
        both += [(f"{prefix}{number}", "live", other), (f"{prefix}{number}", "candidate", mine)]
    return both


def _live(project: Project) -> str:
    return project.registry.get(IT).system


def _alias(project: Project, name: str) -> str | None:
    return project.history.names.alias(IT, name)


def test_the_whole_way(project: Project, rollouts: Rollouts) -> None:
    old, candidate = _live(project), project.history.view("trial").refs[IT]
    made = rollouts.start("trial", thresholds=FEW)
    assert _alias(project, "shadow") == candidate
    with pytest.raises(AgpError, match="0 of 5 comparisons"):
        rollouts.advance(made.id)
    rollouts.record(made.id, _outcomes("s", [1.0] * 5, [0.0, 1.0, 1.0, 1.0, 1.0]))
    assert rollouts.advance(made.id).stage is Stage.CANARY
    assert (_alias(project, "shadow"), _alias(project, "canary")) == (None, candidate)
    assert _live(project) == old
    rollouts.record(made.id, _outcomes("c", [1.0] * 5, [1.0] * 5))
    active = rollouts.advance(made.id)
    assert (_live(project), _alias(project, "canary")) == (NEW, None)
    commit = project.history.find_commit(active.commit or "")
    assert (commit.operator, commit.evidence["run"]) == ("rollout", made.id)
    assert commit.evidence["pairs"] == 5
    rollouts.record(made.id, [(f"a{n}", "candidate", 1.0) for n in range(5)])
    assert rollouts.advance(made.id).ended == "completed"
    assert _live(project) == NEW
    assert clean(project.database)
    with pytest.raises(InputError, match="has ended"):
        rollouts.abort(made.id)


def test_a_worse_candidate_returns_before_it_is_live(project: Project, rollouts: Rollouts) -> None:
    made = rollouts.start("trial", stage=Stage.CANARY, thresholds=FEW)
    own: list[float | None] = [0.0] * 12
    after = rollouts.record(made.id, _outcomes("t", own, [1.0] * 12))
    assert after.ended == "returned"
    assert "below" in after.why
    assert _live(project) != NEW
    assert _alias(project, "canary") is None
    assert rollouts.on("main") is None


def test_drift_brings_the_old_version_back(project: Project, rollouts: Rollouts) -> None:
    old = _live(project)
    made = rollouts.start("trial", stage=Stage.CANARY, thresholds=FEW)
    rollouts.record(made.id, _outcomes("t", [1.0] * 40, [0.9] * 40))
    assert rollouts.advance(made.id).stage is Stage.ACTIVE
    assert _live(project) == NEW
    good = [(f"g{n}", "candidate", 1.0) for n in range(40)]
    assert not rollouts.record(made.id, good).ended  # type: ignore[arg-type]
    after = rollouts.get(made.id)
    for number in range(60):
        after = rollouts.record(made.id, [(f"b{number}", "candidate", 0.0)])
        if after.ended:
            break
    assert after.ended == "returned"
    assert number < 30
    assert _live(project) == old
    assert project.history.log("main")[0].evidence["run"] == made.id


def test_tasks_that_fail_end_it(rollouts: Rollouts) -> None:
    made = rollouts.start("trial", thresholds=FEW)
    own: list[float | None] = [None, 1.0, None, 1.0, None]
    after = rollouts.record(made.id, _outcomes("t", own, [1.0] * 5))
    assert (after.ended, "failed" in after.why) == ("returned", True)


def test_wrong_input_changes_nothing(project: Project, rollouts: Rollouts) -> None:
    with pytest.raises(InputError, match="share"):
        rollouts.start("trial", thresholds=Thresholds(share=0))
    with pytest.raises(InputError, match="drop"):
        rollouts.start("trial", thresholds=Thresholds(drop=float("nan")))
    with pytest.raises(InputError, match="live on main already"):
        rollouts.start("main")
    with pytest.raises(InputError, match="begins as"):
        rollouts.start("trial", stage=Stage.ACTIVE)
    with pytest.raises(NotFoundError):
        rollouts.start("nowhere")
    with pytest.raises(NotFoundError):
        rollouts.record("rollout-0", [])
    assert rollouts.on("main") is None
    made = rollouts.start("trial", thresholds=FEW)
    with pytest.raises(InputError, match="is under way"):
        rollouts.start("trial")
    for score in (float("nan"), 1.5, -0.1):
        with pytest.raises(InputError, match="from 0 to 1"):
            rollouts.record(made.id, [("fine", "live", 1.0), ("odd", "live", score)])
    with pytest.raises(InputError, match="recorded already"):
        rollouts.record(made.id, [("twice", "live", 1.0), ("twice", "live", 1.0)])
    assert rollouts.get(made.id).outcomes == []


def test_a_branch_that_moved_meanwhile_is_a_conflict(project: Project, rollouts: Rollouts) -> None:
    made = rollouts.start("trial", stage=Stage.CANARY, thresholds=FEW)
    rollouts.record(made.id, _outcomes("t", [1.0] * 5, [1.0] * 5))
    project.registry.set_variables(IT, {"params/system": "Somebody else was here."})
    with pytest.raises(ConflictError):
        rollouts.advance(made.id)
    assert rollouts.get(made.id).stage is Stage.CANARY


def test_a_canary_gets_its_share_and_keeps_its_tasks() -> None:
    limits = Thresholds(share=0.2)
    made = Rollout(
        id="rollout-1", branch="main", candidate="x", changes={}, thresholds=limits, stage="canary"
    )
    lanes = [made.lane(f"task {n}") for n in range(4_000)]
    assert 0.17 < lanes.count("candidate") / 4_000 < 0.23
    assert lanes == [made.lane(f"task {n}") for n in range(4_000)]


def test_running_tasks_through_it(project: Project, rollouts: Rollouts) -> None:
    made = rollouts.start("trial", stage=Stage.CANARY, thresholds=FEW)
    sides = {n: made.lane(f"Say the number {n}.") for n in range(0, 40, 2)}
    mine = next(n for n, lane in sides.items() if lane == "candidate")
    theirs = next(n for n, lane in sides.items() if lane == "live")
    told = project.run("solver", f"Say the number {mine}.", rollout=True)
    assert told.text == str(mine)
    assert project.run("solver", f"Say the number {theirs}.", rollout=True).text == "no idea"
    name = told.notes[-1].split("record ")[-1].split()[0]
    assert rollouts.get(made.id).served[name] == ["candidate"]


async def test_a_benchmark_through_it(project: Project, rollouts: Rollouts) -> None:
    from agp.sepl.rollout.serve import measure

    made = rollouts.start("trial", thresholds=FEW)

    async def scoring(lock: Path | None) -> object:
        return await project.abench(Echo(8), lock=lock)

    found = standing(await measure(rollouts, made, scoring))
    assert (found.pairs, found.live, found.candidate) == (8, 0.5, 1.0)
    assert found.waits == ""
    with pytest.raises(InputError, match="recorded in this stage"):
        await measure(rollouts, rollouts.get(made.id), scoring)


def test_capital_is_a_bet() -> None:
    assert capital([], 1.0, anew=False) == 1.0
    assert capital([-1.0] * 10, 1.0, anew=False) == 1.0
    stakes = [(n - 0.5) / 24 for n in range(1, 25)]
    assert capital([1.0, 1.0], 1.0, anew=False) == pytest.approx(
        sum((1 + c) ** 2 for c in stakes) / 24
    )
    assert capital([-1.0] * 50 + [1.0] * 12, 1.0, anew=True) > 100
    assert capital([-1.0] * 50 + [1.0] * 12, 1.0, anew=False) < 2
