"""``agp review``: what waits, what is known of it, and a person's decision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agp.project import Project
from agp.rspl.commits import Reason
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.origins import code_of
from tests.support.untrusted import tool

from .conftest import Agp

IT = ResourceId(EntityType.TOOL, "it")
EVIDENCE = {
    "rule": "significant",
    "numbers": {"n": 12, "difference": 0.25, "low": -0.1, "high": 0.5, "p": 0.04, "alpha": 0.05},
}


@pytest.fixture
def code(folder: Path) -> str:
    """An optimizer's code that is live in place of a person's."""
    with Project(folder) as project:
        project.registry.register(tool("def it(x: str):\n    return x\n"))
        record = tool("import socket\n\n\ndef it(x: str):\n    return x.upper()\n")
        reason = Reason("run 1", "evolve", "evolve tool/it: p = 0.04", EVIDENCE)
        project.history.commit(
            "main",
            {IT: record},
            reason,
            expected=project.registry.view().commit,
            origin="optimizer",
        )
        found = code_of(record)
    assert found is not None
    return found


def test_nothing_waits_in_a_new_project(agp_command: Agp, folder: Path) -> None:
    Project(folder).close()
    assert agp_command("review", "list").out == "Nothing waits for review.\n"


def test_what_waits_is_listed_and_shown(agp_command: Agp, code: str) -> None:
    listed = agp_command("review", "list")
    assert code[:12] in listed.out
    assert "optimizer" in listed.out
    (row,) = json.loads(agp_command("review", "list", "-f", "json").out)
    assert (row["code"], row["live"], row["status"]) == (code, ["main"], "pending")
    shown = agp_command("review", "show", code[:12])
    assert shown.code == 0, shown.err
    for text in (
        "Brought by optimizer (run 1)",
        "difference 0.25",
        "p 0.04",
        "Only 12 samples were compared.",
        "holds 0",
        "import:socket",
        "+import socket",
        "-    return x",
    ):
        assert text in shown.out
    facts = json.loads(agp_command("review", "show", "tool/it", "-f", "json").out)
    assert facts["evidence"]["n"] == 12
    assert "import:socket" in facts["capabilities"]
    assert facts["decisions"] == []


def test_approving_needs_a_yes_and_a_reason(agp_command: Agp, code: str) -> None:
    refused = agp_command("review", "approve", code[:12], "--reason", "read it")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert agp_command("review", "approve", code[:12], "--yes").code == 2
    assert json.loads(agp_command("review", "show", code, "-f", "json").out)["decisions"] == []


def test_an_approval_and_a_rejection(agp_command: Agp, code: str) -> None:
    done = agp_command(
        *("review", "approve", code[:12], "--reason", "read it", "--days", "7", "--yes"),
        *("--reviewer", "ann", "-f", "json"),
    )
    assert done.code == 0, done.err
    row = json.loads(done.out)
    assert (row["code"], row["decision"], row["reviewer"]) == (code, "approved", "ann")
    assert agp_command("review", "list").out == "Nothing waits for review.\n"
    assert "approved until" in agp_command("review", "list", "--all").out
    assert "ann" in agp_command("audit", "show", "--kind", "approval").out
    done = agp_command("review", "reject", "tool/it", "--reason", "on second thought", "--yes")
    assert done.code == 0, done.err
    assert "rejected" in done.out
    shown = agp_command("review", "show", code).out
    assert "on second thought" in shown
    assert "rejected" in agp_command("review", "list", "--all").out


def test_an_approval_falls_with_the_policy(agp_command: Agp, code: str, folder: Path) -> None:
    agp_command("review", "approve", code, "--reason", "read it", "--yes")
    (folder / "agp.policy.toml").write_text('mode = "locked"\n')
    (row,) = json.loads(agp_command("review", "list", "-f", "json").out)
    assert (row["code"], row["status"]) == (code, "expired")


def test_wrong_names_are_told(agp_command: Agp, code: str) -> None:
    ended = agp_command("review", "show", "tool/none")
    assert (ended.code, ended.out) == (2, "")
    assert "agp review list" in ended.err
    ended = agp_command("review", "approve", code, "--reason", "x", "--yes", "--days", "1000")
    assert ended.code == 2
    assert "366" in ended.err
