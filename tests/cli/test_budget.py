"""``agp budget``, and the budgets of runs as a person meets them."""

from __future__ import annotations

import json

from tests.cli.conftest import Agp

MODEL = ("--model", "scripted/m")


def test_a_budget_of_the_store_ends_runs_and_can_be_raised(agp_command: Agp) -> None:
    assert agp_command("init", ".").code == 0
    made = agp_command("budget", "set", "--budget-calls", "30", "--actor", "ada")
    assert made.out.strip() == "global: 30 calls"
    assert agp_command("bench", "run", "echo", *MODEL, "--limit", "20").code == 0
    ended = agp_command("bench", "run", "echo", *MODEL, "--seed", "1")
    assert ended.code == 1
    assert "The budget of the whole store of 30 calls is used up" in ended.err
    assert "agp budget set" in ended.err
    standing = json.loads(agp_command("budget", "show", "-f", "json").out)
    assert standing[0]["spent"]["calls"] == 30
    assert "30" in agp_command("budget", "show").out
    run = ended.err.split("Run ")[1].split(":")[0]
    told = json.loads(agp_command("show", run, "-f", "json").out)["ended"]
    assert (told["scope"], told["amount"], told["limit"]) == ("global", "calls", 30)
    assert agp_command("budget", "set", "--budget-calls", "500").code == 0
    assert agp_command("resume", run).code == 0
    log = json.loads(agp_command("audit", "show", "--kind", "budget", "-f", "json").out)
    assert [entry["payload"]["limits"]["calls"] for entry in log] == [500, 30]
    assert log[1]["actor"] == "ada"


def test_an_agents_budget_holds_in_every_run_and_can_be_reset(agp_command: Agp) -> None:
    assert agp_command("init", ".").code == 0
    assert agp_command("budget", "set", "--agent", "solver", "--budget-calls", "1").code == 0
    assert agp_command("run", "solver", "Say the number 4.", *MODEL).out.strip() == "4"
    ended = agp_command("run", "solver", "Say the number 6.", *MODEL)
    assert ended.code == 1
    assert "The budget of agent solver of 1 calls" in ended.err
    assert "it was 1 calls" in agp_command("budget", "reset", "--agent", "solver").out
    assert agp_command("run", "solver", "Say the number 6.", *MODEL).code == 0
    lifted = agp_command("budget", "set", "--agent", "solver", "--lift", "calls")
    assert "no limit" in lifted.out


def test_samples_and_commits_can_be_limited(agp_command: Agp) -> None:
    ended = agp_command("bench", "run", "echo", *MODEL, "--budget-evaluations", "7")
    assert ended.code == 1
    assert "7 evaluations" in ended.err
    ended = agp_command("evolve", "echo", *MODEL, "--budget-commits", "0")
    assert ended.code == 1
    assert "0 commits" in ended.err
    log = json.loads(agp_command("log", "-f", "json").out)
    assert [commit["operator"] for commit in log] == ["init"]
    done = agp_command("resume", "--budget-commits", "1", "-f", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["commit"]
    assert json.loads(done.out)["spend"]["commits"] == 1


def test_money_is_refused_for_a_model_without_a_price(agp_command: Agp) -> None:
    ended = agp_command("bench", "run", "echo", *MODEL, "--budget-usd", "1")
    assert ended.code == 1
    assert "price of scripted/m is unknown" in ended.err
    assert "calls or tokens" in ended.err


def test_wrong_uses_are_refused(agp_command: Agp) -> None:
    assert agp_command("init", ".").code == 0
    assert agp_command("budget", "set").code == 2
    missing = agp_command("budget", "set", "--lift", "call")
    assert missing.code == 2
    assert "Did you mean calls" in missing.err
