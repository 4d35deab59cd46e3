"""Blame: each line leads to the commit that brought it, through merges and restores."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agp.errors import NotFoundError
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.lineage.blame import blame
from agp.rspl.lineage.merge import merge_branch
from agp.store.database import Database

from .branching import SPELLING, forked, spell
from .helpers import prompt, record


def brought(history: History, at: str = "main") -> dict[str, str]:
    """Line of the system text → the message of the commit that brought it."""
    lines = blame(history, SPELLING, at=at, path="system")
    return {line.text: line.origin.message for line in lines}


def test_each_line_is_blamed_on_the_commit_that_brought_it(history: History) -> None:
    main, _ = forked(history)
    spell(main, "two", "TWO")
    last = spell(main, "four", "FOUR\nfour and a half")
    main.register(prompt("unrelated"))
    register = "register prompt/it"
    assert brought(history) == {
        "one": register,
        "TWO": "two to TWO",
        "three": register,
        "FOUR": "four to FOUR\nfour and a half",
        "four and a half": "four to FOUR\nfour and a half",
        "five": register,
    }
    line = blame(history, SPELLING, path="params/system")[3]
    assert (line.number, line.path, line.origin.commit) == (4, "params/system", last)
    assert (line.origin.author, line.origin.operator) == ("user", "set_variables")


def test_lines_of_a_merged_branch_are_blamed_there_and_not_on_the_merge(history: History) -> None:
    main, trial = forked(history)
    spell(main, "one", "ONE")
    spell(trial, "four", "FOUR")
    spell(trial, "five", "FIVE")
    merge_branch(main, "trial")
    spell(main, "three", "THREE")
    origins = {line.text: line.origin for line in blame(history, SPELLING, path="system")}
    assert origins["FOUR"].message == "four to FOUR"
    assert origins["FIVE"].author == "trial person"
    assert origins["ONE"].author == "user"
    assert origins["THREE"].message == "three to THREE"
    assert origins["two"].message == "register prompt/it"


def test_what_a_merge_itself_wrote_is_blamed_on_the_merge(history: History) -> None:
    main, trial = forked(history)
    spell(main, "one", "ours")
    spell(trial, "one", "theirs")
    mended = {"prompt/it": {"params/system": {"value": "both\ntwo\nthree\nfour\nfive"}}}
    merge_branch(main, "trial", resolutions=mended)
    assert brought(history)["both"] == "merge trial into main"
    assert brought(history)["two"] == "register prompt/it"


def test_what_a_restore_brings_back_is_blamed_on_the_restore(history: History) -> None:
    main, _ = forked(history)
    spell(main, "two", "TWO")
    main.restore(SPELLING, "1.0.0")
    assert brought(history)["two"] == "restore prompt/it to 1.0.0"
    assert brought(history)["one"] == "register prompt/it"
    main.unregister(SPELLING)
    main.restore(SPELLING, "1.0.0")
    assert set(brought(history).values()) == {"restore prompt/it to 1.0.0"}


def test_the_evidence_of_a_line_is_its_commits_figures(history: History) -> None:
    main, _ = forked(history)
    numbers = {"n": 40, "difference": 0.25, "p": 0.004, "low": 0.1, "high": 0.4, "wins": 12}
    evidence = {"run": "evolve-1", "accepted": True, "numbers": numbers}
    main.commit({SPELLING: prompt(system="new")}, operator="evolve", message="m", evidence=evidence)
    (line,) = blame(history, SPELLING, path="system")
    figures = {"n": 40, "difference": 0.25, "low": 0.1, "high": 0.4, "p": 0.004, "run": "evolve-1"}
    assert line.origin.evidence == figures


def test_any_moment_can_be_asked_and_every_text_is_told_of(history: History) -> None:
    main, _ = forked(history)
    first = history.log()[0].id
    spell(main, "two", "TWO")
    assert "two" in brought(history, first[:12])
    assert brought(history, "trial")["two"] == "register prompt/it"
    assert {line.path for line in blame(history, SPELLING)} == {"params/system", "params/template"}
    main.register(record(EntityType.TOOL, "It."))
    tool = ResourceId(EntityType.TOOL, "it")
    code = [line.text for line in blame(history, tool, path="tool.py")]
    assert "\n".join(code) + "\n" == main.get_info(tool).implementation.files["tool.py"] + "\n"
    shots = [{"input": "a", "output": "b"}]
    main.set_variables(SPELLING, {"params/demonstrations": shots})
    assert '    "input": "a",' in [x.text for x in blame(history, SPELLING, path="demonstrations")]


def test_what_is_not_there_is_said(history: History) -> None:
    main, _ = forked(history)
    with pytest.raises(NotFoundError, match="sistem"):
        blame(history, SPELLING, path="sistem")
    with pytest.raises(NotFoundError, match="prompt/other"):
        blame(history, prompt("other").id)
    main.unregister(SPELLING)
    with pytest.raises(NotFoundError, match="not live at main"):
        blame(history, SPELLING)


WORDS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=5)


@given(
    steps=st.lists(st.tuples(st.sampled_from(["main", "trial", "merge"]), WORDS), max_size=8),
)
@settings(max_examples=12, deadline=None)
def test_every_blamed_commit_has_the_line_and_changed_the_text(
    steps: list[tuple[str, list[str]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "store.db")
        history = History(database)
        main, trial = forked(history)
        for where, words in steps:
            if where == "merge":
                merge_branch(main, "trial", take="theirs")
                continue
            registry = main if where == "main" else trial
            registry.update(prompt(system="\n".join(words)))
        blamed = blame(history, SPELLING, path="system")
        text = main.get_info(SPELLING).params["system"]
        assert "\n".join(line.text for line in blamed) == text
        for line in blamed:
            commit = history.find_commit(line.origin.commit)
            assert line.text in _lines(history, commit.id)
            assert _lines(history, commit.parent) != _lines(history, commit.id)
        database.close()


def _lines(history: History, commit: str | None) -> list[str]:
    if commit is None:
        return []
    view = history.view_at(commit)
    record: Record | None = view.record(SPELLING) if SPELLING in view else None
    return record.params["system"].split("\n") if record else []
