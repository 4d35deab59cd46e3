"""An agent whose prompt asks for the contract is shown what it can call, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from agp.models.types import ModelRequest
from tests.conftest import MakeProject

AGENT = """---
description: Calls tools by JSON.
extends: solver
tools: [calculator]
{more}
---
{system}
"""


def _agent(folder: Path, system: str, more: str = "") -> None:
    home = folder / "agents" / "caller"
    home.mkdir(parents=True)
    (home / "AGENT.md").write_text(AGENT.format(system=system, more=more))


@pytest.mark.parametrize(
    ("system", "more", "role"),
    [
        ("You may call:\n{{contract}}", "", "system"),
        ("Answer.", 'template: "{{contract}}\\n\\n{{input}}"', "user"),
    ],
)
def test_the_contract_is_where_the_prompt_wants_it(
    make_project: MakeProject, tmp_path: Path, system: str, more: str, role: str
) -> None:
    seen: list[ModelRequest] = []
    _agent(tmp_path / "project", system, more)
    make_project(lambda r: seen.append(r) or "4").run("caller", "2 + 2?")
    texts = {m["role"]: m["content"] for m in seen[0].messages}
    assert "## tool/calculator" in texts[role]
    assert "expression" in texts[role]
    assert "read_file" not in texts[role]
    assert "{{" not in "".join(texts.values())
    assert "2 + 2?" in texts["user"]


def test_other_prompts_are_left_alone(make_project: MakeProject, tmp_path: Path) -> None:
    seen: list[ModelRequest] = []
    _agent(tmp_path / "project", "Write {{contract} or {{other}} as you like.")
    make_project(lambda r: seen.append(r) or "4").run("caller", "2 + 2?")
    assert seen[0].messages[0]["content"] == "Write {{contract} or {{other}} as you like."
