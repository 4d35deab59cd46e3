"""``agp rollback --influence``: the plan it shows, what it undoes, what it says of nothing."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import GOOD, Agp


def poisoned(agp_command: Agp) -> tuple[str, str]:
    """The commit of the evolution, and a sample that its reflector saw."""
    (commit, *_) = json.loads(agp_command("log", "-f", "json").out)
    labels = commit["evidence"]["influences"]
    return commit["id"], next(each for each in labels if each.startswith("sample:"))


def system(agp_command: Agp) -> str:
    return json.loads(agp_command("show", "prompt/solver", "-f", "json").out)["params"]["system"]


def sample_id(folder: Path, digest: str) -> str:
    """The id of the sample with this digest."""
    with sqlite3.connect(folder / ".agp" / "store.db") as connection:
        rows = connection.execute("SELECT payload FROM events WHERE type = 'sample'").fetchall()
    payloads = [json.loads(row[0]) for row in rows]
    return next(p["sample"] for p in payloads if p["sample_digest"] == digest)


def test_one_command_undoes_a_sample(evolved: Agp, folder: Path) -> None:
    commit, label = poisoned(evolved)
    name = sample_id(folder, label.partition(":")[2])
    assert system(evolved) == GOOD
    planned = evolved("rollback", "--influence", name, "--dry-run")
    assert planned.code == 0, planned.err
    assert commit[:12] in planned.out
    assert "prompt/solver" in planned.out
    assert "1.0.1" in planned.out
    assert system(evolved) == GOOD, "a dry run changes nothing"
    done = evolved("rollback", "--influence", name, "--yes")
    assert done.code == 0, done.err
    assert system(evolved) != GOOD
    again = evolved("rollback", "--influence", name, "--yes")
    assert again.code == 0
    assert "Nothing of it is live any more." in again.out


@pytest.mark.parametrize("kind", ["sample", "trace", "run"])
def test_every_kind_of_label_names_it(evolved: Agp, kind: str) -> None:
    commit, _ = poisoned(evolved)
    evidence = json.loads(evolved("show", commit, "-f", "json").out)["evidence"]
    label = next(each for each in evidence["influences"] if each.startswith(kind))
    value = label.partition(":")[2]
    shown = evolved("rollback", "--influence", value if kind == "run" else value[:12], "-f", "json")
    assert shown.code == 0, shown.err
    data = json.loads(shown.out)
    assert data["labels"] == [label]
    assert [each["id"] for each in data["commits"]] == [commit]
    assert [each["resource"] for each in data["returns"]] == ["prompt/solver"]
    assert data["commit"]
    assert system(evolved) != GOOD
    audited = evolved("audit", "show", "-f", "json").out
    assert data["commit"] in audited


def test_what_others_learnt_meanwhile_stays(evolved: Agp) -> None:
    _, label = poisoned(evolved)
    assert evolved("resources", "set", "prompt/refine", "params/system=Kept.").code == 0
    assert evolved("rollback", "--influence", label, "--yes").code == 0
    shown = json.loads(evolved("show", "prompt/refine", "-f", "json").out)
    assert shown["params"]["system"] == "Kept."


def test_a_no_changes_nothing(evolved: Agp, monkeypatch: pytest.MonkeyPatch) -> None:
    _, label = poisoned(evolved)
    asked: list[str] = []

    def refuse(text: str, **_: object) -> bool:
        asked.append(text)
        return False

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", refuse)
    ended = evolved("rollback", "--influence", label)
    assert (ended.code, len(asked)) == (1, 1)
    assert system(evolved) == GOOD


def test_nothing_goes_back_to_it(evolved: Agp, folder: Path) -> None:
    _, label = poisoned(evolved)
    with sqlite3.connect(folder / ".agp" / "store.db") as connection:
        rows = connection.execute("SELECT payload FROM events WHERE type = 'sample'").fetchall()
        used = {row[0] for row in connection.execute("SELECT label FROM influences")}
    digests = {f"sample:{json.loads(row[0])['sample_digest']}" for row in rows}
    assert label in digests
    only_scored = min(digests - used)
    ended = evolved("rollback", "--influence", only_scored, "--yes")
    assert ended.code == 0
    assert f"Nothing on main goes back to {only_scored}." in ended.out
    assert system(evolved) == GOOD
    data = json.loads(evolved("rollback", "--influence", only_scored, "-f", "json").out)
    assert (data["commits"], data["returns"], data["commit"]) == ([], [], None)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--influence", "no-such-sample"),
        ("--influence", "ab"),
        (),
        ("abcdef", "--influence", "abcdef"),
        ("abcdef", "--dry-run"),
        ("abcdef", "-f", "json"),
        ("--influence", "no-such-sample", "--branch", "nowhere"),
    ],
)
def test_wrong_input_is_told(evolved: Agp, arguments: tuple[str, ...]) -> None:
    ended = evolved("rollback", *arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert system(evolved) == GOOD


def test_commits_show_what_they_go_back_to(evolved: Agp) -> None:
    commit, _ = poisoned(evolved)
    shown = evolved("show", commit).out
    (line,) = (each for each in shown.splitlines() if each.startswith("goes back to"))
    assert "sample" in line
    assert "run:evolve-" in line
    assert "evidence influences" not in shown
    assert "samples" in " ".join(evolved("log").out.split())
