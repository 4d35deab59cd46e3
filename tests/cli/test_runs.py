"""``agp runs``: one evolution and one benchmark, listed, shown, compared and written as a page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Agp


def test_runs_are_listed_shown_compared_and_written(evolved: Agp, folder: Path) -> None:
    bench = evolved("bench", "run", "echo", "--model", "scripted/m", "--limit", "10", "-f", "json")
    assert bench.code == 0, bench.err
    newest, oldest = json.loads(evolved("runs", "list", "-f", "json").out)
    assert (newest["kind"], oldest["kind"], oldest["optimizer"]) == (
        "bench",
        "evolve",
        "reflection",
    )
    assert oldest["after"]["mean"] == 1.0
    assert oldest["before"]["low"] < oldest["before"]["mean"] < oldest["before"]["high"]
    listed = evolved("runs", "list", "--kind", "evolve").out
    assert oldest["id"] in listed
    assert "→ 100.0 (" in listed
    assert newest["id"] not in listed
    assert "No such run" in evolved("runs", "list", "--status", "failed").out

    shown = evolved("runs", "show", oldest["id"])
    for said in ("r1c1", "rewrite", "kept", "reflector", "holdout 30", "accepted (significant)"):
        assert said in shown.out
    data = json.loads(evolved("runs", "show", "evolve", "-f", "json").out)
    assert [each["id"] for each in data["candidates"]][:2] == ["seed", "r1c1"]
    assert sum(each["evaluations"] for each in data["costs"]) == data["spend"]["evaluations"]
    assert data["decision"]["verdict"]["accepted"]

    compared = json.loads(evolved("runs", "compare", "evolve", "latest", "-f", "json").out)
    (pair,) = compared["paired"]
    assert pair["difference"] == 0.0 or "share no scored" in pair["why"]
    assert "optimizer" in [line["setting"] for line in compared["config"]]
    assert oldest["id"] in evolved("runs", "compare", "evolve", "latest").out

    pytest.importorskip("plotly", reason="plotly is not installed")
    done = evolved("runs", "report", "evolve", "-o", "out.html")
    assert done.code == 0, done.err
    assert "agent/solver on echo" in (folder / "out.html").read_text()
    failed = evolved("runs", "report", "latest", "-o", "no/such/folder.html")
    assert (failed.code, (folder / "no").exists()) == (2, False)
    assert "cannot be written" in failed.err


def test_wrong_input_is_told_without_a_traceback(agp_command: Agp) -> None:
    assert agp_command("runs", "list").code == 2  # no store here
    assert agp_command("init", ".").code == 0
    for arguments, said in (
        (("show", "latest"), "There is no run in this store yet"),
        (("show", "nope"), "There is no run in this store yet"),
        (("compare", "latest", "latest"), "There is no run in this store yet"),
        (("list", "--status", "done"), "No run has the status 'done'"),
        (("report", "latest"), "There is no run in this store yet"),
    ):
        ended = agp_command("runs", *arguments)
        assert ended.code == 2, ended.err
        assert said in ended.err
        assert "Traceback" not in ended.err
