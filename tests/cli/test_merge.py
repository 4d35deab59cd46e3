"""``agp merge``, ``agp blame`` and ``agp bisect`` on a project with two branches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agp.project import Project
from agp.rspl.entities import ResourceId
from agp.rspl.registry import Registry

from .conftest import GOOD, Agp

PROMPT = ResourceId.parse("prompt/solver")
TEXT = "one\ntwo\nthree\nfour\nfive"
Change = Callable[..., str]


@pytest.fixture
def change(folder: Path) -> Change:
    """Replaces a part of the solver's prompt on a branch; makes the branch where it is new."""
    with Project(folder) as project:
        project.registry.set_variables(PROMPT, {"params/system": TEXT}, message="the text")
        project.history.create_branch("trial", at="main")

    def replace(branch: str, old: str, new: str) -> str:
        with Project(folder) as project:
            registry = Registry(project.history, branch=branch)
            text = registry.get_info(PROMPT).params["system"].replace(old, new)
            commit = registry.set_variables(
                PROMPT, {"params/system": text}, message=f"{old} to {new}"
            )
        assert commit is not None
        return commit.id

    return replace


def test_a_clean_merge_says_what_it_did_and_how_to_undo_it(
    agp_command: Agp, change: Change
) -> None:
    change("main", "one", "ONE")
    change("trial", "five", "FIVE")
    done = agp_command("merge", "trial")
    assert done.code == 0, done.err
    assert "prompt/solver" in done.out
    undo = done.out.splitlines()[-1].removeprefix("Undo it: agp ").split()
    assert "FIVE" in agp_command("show", "prompt/solver").out
    again = agp_command("merge", "trial")
    assert (again.code, again.out) == (
        0,
        "main has all that trial has: nothing was changed.\n",
    )
    assert agp_command(*undo, "--yes").code == 0
    assert "FIVE" not in agp_command("show", "prompt/solver").out


def test_a_conflict_shows_both_sides_and_ends_with_1(
    agp_command: Agp, change: Change, folder: Path
) -> None:
    ours, theirs = change("main", "three", "III"), change("trial", "three", "[3]")
    shown = agp_command("merge", "trial")
    assert shown.code == 1
    for text in ("<<<<<<< ours", "III", "[3]", ">>>>>>> theirs", ours[:12], theirs[:12], "--ours"):
        assert text in shown.out
    assert shown.err == ""
    data = json.loads(agp_command("merge", "trial", "-f", "json").out)
    assert data["merged"] is False
    assert data["conflicts"][0]["path"] == "params/system"
    assert data["moved"]["prompt/solver"]["theirs"][0]["commit"] == theirs
    decisions = folder / "decisions.json"
    decisions.write_text(json.dumps({"prompt/solver": {"params/system": {"take": "theirs"}}}))
    done = agp_command("merge", "trial", "--resolve", str(decisions), "-f", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["resources"] == ["prompt/solver"]
    assert "[3]" in agp_command("show", "prompt/solver").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["merge", "nowhere"], "nowhere"),
        (["merge", "trial", "--into", "nowhere"], "nowhere"),
        (["merge", "trial", "--ours", "--theirs"], "exclude each other"),
        (["merge", "trial", "--resolve", "absent.json"], "absent.json"),
        (["merge", "trial", "--resolve", "list.json"], "one object"),
        (["merge", "trial", "--resolve", "broken.json"], "JSON"),
        (["blame", "prompt/slover"], "solver"),
        (["blame", "prompt/solver", "--part", "sistem"], "sistem"),
        (["blame", "prompt/solver@9.9.9"], "9.9.9"),
        (["bisect", "nowhere", "main", "-b", "echo"], "nowhere"),
        (["bisect", "main", "main", "-b", "echo"], "the same at"),
        (["bisect", "main", "trial", "-b", "eco"], "echo"),
        (["bisect", "main", "main", "-b", "echo", "--agent", "slover"], "solver"),
    ],
)
def test_mistakes_end_with_2_and_say_what_is_wrong(
    agp_command: Agp, change: Change, folder: Path, arguments: list[str], message: str
) -> None:
    (folder / "list.json").write_text("[]")
    (folder / "broken.json").write_text("{")
    ended = agp_command(*arguments)
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_blame_names_the_commit_and_the_evidence_of_each_line(evolved: Agp) -> None:
    lines = json.loads(evolved("blame", "prompt/solver", "--part", "system", "-f", "json").out)
    assert [line["text"] for line in lines] == [GOOD]
    assert lines[0]["origin"]["operator"] == "evolve"
    figures = lines[0]["origin"]["evidence"]
    shown = evolved("blame", "prompt/solver", "--part", "system").out
    assert lines[0]["origin"]["commit"][:12] in shown
    assert f"n={figures['n']}" in shown
    assert GOOD in shown
    before = evolved("blame", "prompt/solver@1.0.0", "--part", "system", "-f", "json")
    assert all(line["origin"]["author"] == "files" for line in json.loads(before.out))


def test_blame_follows_merges(agp_command: Agp, change: Change) -> None:
    change("main", "one", "ONE")
    theirs = change("trial", "five", "FIVE")
    assert agp_command("merge", "trial").code == 0
    shown = agp_command("blame", "prompt/solver", "--part", "system", "-f", "json")
    lines = json.loads(shown.out)
    assert {line["text"]: line["origin"]["commit"] for line in lines}["FIVE"] == theirs


def test_bisect_finds_the_commit_that_lost_the_points(agp_command: Agp, change: Change) -> None:
    good = change("main", "five", f"five {GOOD}")
    for word in ("one", "two", "three"):
        change("main", word, word.upper())
    bad = change("main", GOOD, "gone")
    change("main", "four", "FOUR")
    flags = ["-b", "echo", "--limit", "20", "--model", "scripted/m"]
    found = agp_command("bisect", good[:12], "main", *flags, "-f", "json")
    assert found.code == 0, found.err
    data = json.loads(found.out)
    assert [each["commit"] for each in data["suspects"]] == [bad]
    assert len(data["judged"]) == len(data["runs"]) <= 5
    assert data["judged"][0]["score"] == 1.0
    shown = agp_command("bisect", good[:12], "main", *flags)
    assert shown.code == 0
    assert bad[:12] in shown.out
    samples = sum(run["samples"] for run in data["runs"])
    assert f"{samples} samples in all, {samples} known before" in " ".join(shown.out.split())
    refused = agp_command("bisect", good[:12], "main", *flags, "--threshold", "0.1")
    assert refused.code == 2
    assert "Nothing was lost" in refused.err
