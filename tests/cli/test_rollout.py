"""``agp rollout``: the whole way in the terminal, and wrong input."""

from __future__ import annotations

import json

import agp.project
from tests.cli.conftest import GOOD, Agp

PROMPT = "prompt/solver"


def test_from_shadow_to_active_and_back(agp_command: Agp) -> None:
    with agp.project.Project("."):
        pass  # this makes its store
    assert agp_command("branch", "create", "trial").code == 0
    with agp.project.Project(".", branch="trial") as project:
        project.registry.set_variables(PROMPT, {"params/system": GOOD})
        old = project.history.view("main").refs[project.registry.view().find(PROMPT)]
    began = agp_command("rollout", "start", "trial", "--least", "2", "--share", "0.5")
    assert (began.code, "shadow" in began.out) == (0, True)
    assert agp_command("rollout", "advance").code == 1
    model = ("--model", "scripted/m")
    measured = agp_command("rollout", "bench", "echo", "--limit", "4", *model)
    assert "over 4 comparisons" in measured.out, measured.err
    assert "canary (50 % of tasks)" in agp_command("rollout", "advance").out
    answered = agp_command("run", "solver", "Say the number 4.", "--rollout", *model)
    name = answered.err.split("agp rollout record ")[1].split()[0]
    assert agp_command("rollout", "record", name, "--score", "1").code == 0
    assert agp_command("rollout", "record", name, "--score", "1").code == 2
    for task in ("one", "two"):
        for lane in ("live", "candidate"):
            agp_command("rollout", "record", task, "--lane", lane, "--score", "1")
    assert "live since commit" in agp_command("rollout", "advance").out
    told = json.loads(agp_command("rollout", "abort", "-m", "enough", "-f", "json").out)
    assert (told["ended"], told["why"]) == ("aborted", "enough")
    with agp.project.Project(".") as project:
        view = project.registry.view()
        assert view.refs[view.find(PROMPT)] == old


def test_wrong_input(agp_command: Agp) -> None:
    with agp.project.Project("."):
        pass  # this makes its store
    assert agp_command("rollout", "status").code == 2
    assert agp_command("rollout", "start", "main").code == 2
    assert agp_command("rollout", "start", "main", "--stage", "everywhere").code == 2
    assert agp_command("rollout", "record", "t", "--score", "1", "--failed").code == 2
    assert "No rollout yet" in agp_command("rollout", "list").out
