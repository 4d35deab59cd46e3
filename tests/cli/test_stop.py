"""``agp stop`` as a person types it."""

from __future__ import annotations

import json

from agp.models.types import ModelRequest
from agp.stop import order
from agp.store.database import Database
from tests.cli.conftest import Agp, teachable

MODEL = ("--model", "scripted/m")


def test_a_stopped_run_says_who_and_why_and_goes_on(agp_command: Agp) -> None:
    calls = 0

    def stopping(request: ModelRequest) -> str:
        nonlocal calls
        calls += 1
        if calls == 10:
            other = Database(".agp/store.db")
            order(other, "ada", "the judge is broken")
            other.close()
        return teachable(request)

    stopped = agp_command("bench", "run", "echo", *MODEL, script=stopping)
    assert stopped.code == 130
    assert "Stopped by ada: the judge is broken" in stopped.err
    assert "agp resume" in stopped.err
    run = stopped.err.split("Run ")[1].split(":")[0]
    shown = agp_command("show", run)
    assert "Stopped by ada" in shown.out
    done = agp_command("resume", run, "-f", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["vanilla"]["n"] == 60


def test_an_order_is_given_and_logged(agp_command: Agp) -> None:
    assert agp_command("init", ".").code == 0
    done = agp_command("stop", "--reason", "a fault", "--actor", "ada")
    assert done.code == 0, done.err
    assert "Stop 1 is ordered" in done.out
    again = agp_command("stop", "-f", "json")
    assert json.loads(again.out)["id"] == 2
    log = json.loads(agp_command("audit", "show", "--kind", "stop", "-f", "json").out)
    assert [entry["payload"]["reason"] for entry in log] == ["", "a fault"]
    assert log[1]["actor"] == "ada"
    assert agp_command("bench", "run", "echo", *MODEL, "--limit", "5").code == 0


def test_a_drill_leaves_the_store_alone(agp_command: Agp) -> None:
    assert agp_command("init", ".").code == 0
    done = agp_command("stop", "--drill", "-f", "json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["stopped"]
    assert found["late"] == 0
    assert json.loads(agp_command("stop", "-f", "json").out)["id"] == 1
