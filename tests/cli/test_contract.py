"""``agp contract``: the document on the terminal, in a file, and whether a file is current."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Agp


@pytest.fixture
def agp(agp_command: Agp) -> Agp:
    """The program in a project that has a store."""
    assert agp_command("bench", "run", "echo", "--model", "scripted/m", "--limit", "1").code == 0
    return agp_command


def test_it_prints_what_tools_can_do(agp: Agp) -> None:
    done = agp("contract", "--type", "tool")
    assert done.code == 0
    assert done.out.startswith("# Contract\n")
    assert "### `calculator`" in done.out
    assert "## agent/" not in done.out


def test_a_budget_is_kept_or_refused_with_the_one_that_would_do(agp: Agp) -> None:
    refused = agp("contract", "--type", "tool", "--budget", "10")
    assert refused.code == 2
    smallest = refused.err.split("would do is ")[1].split(";")[0]
    data = json.loads(agp("contract", "--type", "tool", "--budget", smallest, "-f", "json").out)
    assert data["tokens"] == int(smallest)
    assert "tool/calculator" in data["resources"]


def test_a_saved_contract_is_current_until_a_resource_changes(agp: Agp, tmp_path: Path) -> None:
    file = tmp_path / "contract.md"
    assert agp("contract", "--agent", "tool_calling", "-o", str(file)).code == 0
    current = agp("contract", "--check", str(file))
    assert current.code == 0
    assert "is current" in current.out
    assert agp("resources", "unregister", "agent/tool_calling").code == 0
    stale = agp("contract", "--check", str(file), "-f", "json")
    assert stale.code == 1
    assert json.loads(stale.out)["current"] is False


def test_a_changed_file_is_refused(agp: Agp, tmp_path: Path) -> None:
    file = tmp_path / "contract.md"
    agp("contract", "tool/calculator", "-o", str(file))
    file.write_text(file.read_text(encoding="utf-8").replace("required", "optional"), "utf-8")
    assert agp("contract", "--check", str(file)).code == 2
    assert agp("contract", "--check", str(file), "--type", "tool").code == 2
    assert agp("contract", "tool/calculater").code == 2
