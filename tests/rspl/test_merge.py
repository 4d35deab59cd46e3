"""Merging branches: what both sides did is there, or it is a conflict and nothing was written."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agp.errors import ConflictError, InputError, NotFoundError
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.lineage.graph import ancestors
from agp.rspl.lineage.merge import MergeConflict, MergeResult, merge_branch
from agp.rspl.lineage.merge_views import merge_views
from agp.rspl.registry import Registry
from agp.rspl.view import View
from agp.store.database import Database

from .branching import SPELL, SPELLING, forked, spell, take_in_strangers
from .helpers import BINDINGS, prompt, record

TOOL = ResourceId(EntityType.TOOL, "it")


def text(registry: Registry) -> str:
    return registry.get_info(SPELLING).params["system"]


def agent(name: str, tools: tuple[str, ...] = (), agents: tuple[str, ...] = ()) -> Record:
    body = record(EntityType.AGENT, name, name).body()
    params = {**BINDINGS, "tools": list(tools), "agents": list(agents)}
    return Record.model_validate({**body, "params": params})


def tool(code: str) -> Record:
    body = record(EntityType.TOOL, "a tool").body()
    body["implementation"]["files"]["tool.py"] = code
    return Record.model_validate(body)


# -- what merges ---------------------------------------------------------------------------------


def test_changes_of_different_lines_are_both_there_with_both_parents(history: History) -> None:
    main, trial = forked(history)
    base = main.view().commit
    ours, theirs = spell(main, "one", "ONE"), spell(trial, "five", "FIVE")
    done = merge_branch(main, "trial")
    assert text(main) == "ONE\ntwo\nthree\nfour\nFIVE"
    assert text(trial) == "one\ntwo\nthree\nfour\nFIVE"
    commit = history.find_commit(done.commit or "")
    assert (commit.parent, commit.merged, commit.operator) == (ours, theirs, "merge")
    assert commit.evidence == {"merged": theirs, "base": base}
    assert done.resources == ("prompt/it",)
    assert not done.fast_forward


def test_different_resources_and_different_parts_merge(history: History) -> None:
    main, trial = forked(history, prompt("one"), prompt("two"), prompt("both"))
    main.update(prompt("one", system="ours"))
    main.update(prompt("both", system="ours"))
    main.register(prompt("new"))
    trial.update(prompt("two", system="theirs"))
    trial.update(prompt("both", description="theirs"))
    trial.register(prompt("other"))
    merge_branch(main, "trial")
    live = {rid.name: main.get_info(rid) for rid in main.list()}
    assert live["one"].params["system"] == "ours"
    assert live["two"].params["system"] == "theirs"
    assert (live["both"].params["system"], live["both"].description) == ("ours", "theirs")
    assert {"new", "other"} <= set(live)


def test_a_removal_is_merged_and_code_merges_by_lines(history: History) -> None:
    code = 'def it(x: str) -> str:\n    """It."""\n    y = x\n    z = y\n    return z\n'
    main, trial = forked(history, tool(code), prompt("gone"))
    main.update(tool(code.replace('"""It."""', '"""That."""')))
    trial.update(tool(code.replace("return z", "return z + x")))
    trial.unregister(prompt("gone").id)
    merge_branch(main, "trial")
    merged = main.get_info(TOOL).implementation.files["tool.py"]
    assert '"""That."""' in merged
    assert "return z + x" in merged
    assert main.list() == [TOOL]


def test_a_fast_forward_is_one_commit_and_undone_by_one_rollback(history: History) -> None:
    main, trial = forked(history)
    spell(trial, "one", "ONE")
    spell(trial, "two", "TWO")
    done = merge_branch(main, "trial", message="bring it home")
    assert done.fast_forward
    assert main.view().refs == trial.view().refs
    assert history.log()[0].message == "bring it home"
    assert merge_branch(trial, "main").commit is None  # nothing new there: no ping-pong
    main.rollback(done.commit or "")
    assert text(main) == SPELL


def test_merging_what_is_contained_is_nothing(history: History) -> None:
    main, trial = forked(history)
    heads = history.branches()
    assert merge_branch(main, "main").commit is None
    assert merge_branch(main, "trial").commit is None
    spell(main, "one", "ONE")
    assert merge_branch(main, "trial").commit is None
    spell(trial, "five", "FIVE")
    merge_branch(main, "trial")
    assert merge_branch(main, "trial").commit is None
    assert history.branches()["trial"] != heads["trial"]
    assert len(history.log()) == 3


def test_equal_changes_on_both_sides_are_remembered_as_merged(history: History) -> None:
    main, trial = forked(history)
    spell(main, "one", "ONE")
    theirs = spell(trial, "one", "ONE")
    done = merge_branch(main, "trial")
    assert done.resources == ()
    assert theirs in ancestors(history, "main")
    spell(trial, "ONE", "FIRST")  # on what both had: no conflict any more
    merge_branch(main, "trial")
    assert text(main).startswith("FIRST")


def test_merging_back_and_forth_uses_the_newest_common_commit(history: History) -> None:
    main, trial = forked(history)
    for number, word in enumerate(["one", "two", "three", "four"]):
        here, there = (main, trial) if number % 2 else (trial, main)
        spell(here, word, f"{word}!")
        merge_branch(there, here.branch)
    assert text(main) == "one!\ntwo!\nthree!\nfour!\nfive" == text(trial)


def test_tags_and_commits_can_be_merged(history: History) -> None:
    main, trial = forked(history)
    first = spell(trial, "one", "ONE")
    spell(trial, "two", "TWO")
    merge_branch(main, first[:12])
    assert text(main) == "ONE\ntwo\nthree\nfour\nfive"
    with pytest.raises(NotFoundError, match="nowhere"):
        merge_branch(main, "nowhere")


def test_what_two_branches_remembered_is_all_there_unless_they_contradict(
    registry: Registry,
) -> None:
    rid = ResourceId.parse("memory/semantic")

    def remember(where: Registry, text: str, key: str = "") -> None:
        given = {"text": text, "key": key}
        where.run(rid, {"action": "remember", "arguments": given})

    remember(registry, "tea is hot")
    registry.history.create_branch("trial", at="main")
    trial = Registry(registry.history, branch="trial")
    remember(registry, "ours")
    remember(trial, "theirs")
    merge_branch(registry, "trial", take="theirs")
    state = registry.get_info(rid).params["items"]
    assert {item["text"] for item in state} == {"tea is hot", "ours", "theirs"}
    merge_branch(trial, "main")
    remember(registry, "red", key="colour")
    remember(trial, "blue", key="colour")
    (conflict,) = conflict_of(registry).conflicts
    assert conflict.path == "params/items"


# -- conflicts -----------------------------------------------------------------------------------


def conflict_of(registry: Registry, **given: Any) -> MergeConflict:
    """The conflict that merging ``trial`` ends with; nothing may be written."""
    before = registry.history.branches()
    with pytest.raises(MergeConflict) as caught:
        merge_branch(registry, "trial", **given)
    assert registry.history.branches() == before
    return caught.value


def test_a_conflict_names_part_sides_commits_and_evidence(history: History) -> None:
    main, trial = forked(history)
    spell(main, "three", "3")
    ours = spell(main, "3", "III")
    changed = prompt(system=SPELL.replace("three", "drei"))
    evidence = {"run": "evolve-1", "numbers": {"n": 40, "p": 0.01, "difference": 0.1, "wins": 9}}
    theirs = trial.commit({SPELLING: changed}, operator="evolve", message="x", evidence=evidence)
    error = conflict_of(main)
    (conflict,) = error.conflicts
    assert (str(conflict.resource), conflict.path) == ("prompt/it", "params/system")
    assert conflict.text.split("\n")[2:9] == [
        *["<<<<<<< ours", "III", "||||||| base", "three", "=======", "drei", ">>>>>>> theirs"]
    ]
    assert [p.message for p in error.moved[SPELLING]["ours"]] == ["3 to III", "three to 3"]
    (their,) = error.moved[SPELLING]["theirs"]
    assert theirs is not None
    assert their.commit == theirs.id
    assert their.evidence == {"n": 40, "difference": 0.1, "p": 0.01, "run": "evolve-1"}
    data = error.data()
    assert data["ours"] == ours
    assert data["conflicts"][0]["theirs"] == changed.params["system"]


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_side_takes_what_conflicts_and_keeps_what_does_not(history: History, side: str) -> None:
    main, trial = forked(history)
    main.update(prompt(system=SPELL.replace("one", "ours"), description="ours"))
    changed = {"template": "Do: {{input}}", "system": SPELL.replace("one", "theirs")}
    trial.set_variables(SPELLING, {f"params/{key}": value for key, value in changed.items()})
    done = merge_branch(main, "trial", take=side)
    merged = main.get_info(SPELLING)
    assert merged.params["system"].startswith(side)
    assert (merged.description, merged.params["template"]) == ("ours", "Do: {{input}}")
    assert done.decided == {"*": side}
    assert history.log()[0].evidence["decided"] == {"*": side}


def test_parts_are_decided_one_by_one(history: History) -> None:
    main, trial = forked(history)
    main.update(prompt(system="ours", description="ours"))
    trial.update(prompt(system="theirs", description="theirs"))
    assert len(conflict_of(main).conflicts) == 2
    partly = {"prompt/it": {"params/system": {"value": "both"}}}
    assert [c.path for c in conflict_of(main, resolutions=partly).conflicts] == ["description"]
    merge_branch(main, "trial", resolutions=partly, take="theirs")
    assert (text(main), main.get_info(SPELLING).description) == ("both", "theirs")


def test_a_whole_resource_can_be_decided(history: History) -> None:
    main, trial = forked(history)
    main.update(prompt(system="ours", description="ours"))
    trial.update(prompt(system="theirs"))
    merge_branch(main, "trial", resolutions={"prompt/it": "theirs"})
    assert main.view().refs == trial.view().refs


def test_removed_here_and_changed_there_is_a_conflict(history: History) -> None:
    main, trial = forked(history)
    main.unregister(SPELLING)
    spell(trial, "one", "ONE")
    (conflict,) = conflict_of(main).conflicts
    assert (conflict.path, conflict.why) == ("", "our side removed it, their side changed it")
    assert "ours" not in conflict.data()
    merge_branch(main, "trial", take="theirs")
    assert text(main).startswith("ONE")


def test_two_resources_of_one_name_are_merged_by_parts_or_conflict(history: History) -> None:
    main, trial = forked(history)
    main.register(prompt("new", system="same", description="ours"))
    trial.register(prompt("new", system="same", description="theirs"))
    assert [str(c) for c in conflict_of(main).conflicts] == ["prompt/new description"]


def test_parts_that_do_not_fit_together_are_a_conflict_not_a_commit(history: History) -> None:
    protected = {"metadata": {"protected": ["one"]}}
    main, trial = forked(history)
    main.update(prompt(system=SPELL, **protected))
    spell(trial, "one", "ONE")
    (conflict,) = conflict_of(main).conflicts
    assert "the protected text 'one' is missing" in conflict.why
    mended = {"prompt/it": {"params/system": {"value": "one ONE"}}}
    merge_branch(main, "trial", resolutions=mended)
    assert text(main) == "one ONE"


def test_code_that_merges_into_nonsense_is_a_conflict(history: History) -> None:
    code = 'x = [\n    1,\n]\n\n\ndef it(x: str) -> str:\n    """It."""\n    return x\n'
    main, trial = forked(history, tool(code))
    main.update(tool(code.replace("x = [", "x = (").replace("]", ")")))
    trial.update(tool(code.replace("return x", "return x\n\n\nassert isinstance(x, list)")))
    (conflict,) = conflict_of(main).conflicts
    assert str(conflict.resource) == "tool/it"
    assert "AssertionError" in conflict.why


def test_what_the_other_side_took_out_but_ours_uses_now_is_a_conflict(history: History) -> None:
    extra = record(EntityType.TOOL, "x")
    main, trial = forked(history, prompt(), extra)
    main.register(agent("user", tools=("it",)))
    trial.unregister(extra.id)
    (conflict,) = conflict_of(main).conflicts
    assert str(conflict.resource) == "agent/user"
    assert "it uses tool/it" in conflict.why
    merge_branch(main, "trial", resolutions={"tool/it": "ours"})
    assert extra.id in main.list()
    # and the other way round
    history.create_branch("again", at=trial.view().commit or "")
    again = Registry(history, branch="again")
    with pytest.raises(MergeConflict, match="agent/user"):
        merge_branch(again, "main", resolutions={"tool/it": "ours"})


def test_agents_that_would_use_each_other_are_a_conflict(history: History) -> None:
    main, trial = forked(history, prompt(), agent("a"), agent("b"))
    main.update(agent("a", agents=("b",)))
    trial.update(agent("b", agents=("a",)))
    (conflict,) = conflict_of(main).conflicts
    assert str(conflict.resource) == "agent/b"
    assert "in a circle" in conflict.why
    merge_branch(main, "trial", resolutions={"agent/a": "theirs"})
    assert main.view().refs == trial.view().refs


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"take": "mine"}, "not a side"),
        ({"resolutions": {"prompt/it": "mine"}}, "not a side"),
        ({"resolutions": {"prompt/it": {"params/system": "text"}}}, "does not decide"),
        ({"resolutions": {"prompt/it": {"params/sistem": {"take": "ours"}}}}, "nothing to decide"),
        ({"resolutions": {"prompt/other": "ours"}}, "nothing to decide about prompt/other"),
        ({"resolutions": {"it": "ours"}}, "not a resource"),
    ],
)
def test_decisions_that_cannot_be_met_are_refused(
    history: History, given: dict[str, Any], message: str
) -> None:
    main, trial = forked(history)
    main.update(prompt(system="ours"))
    trial.update(prompt(system="theirs"))
    with pytest.raises(InputError, match=message):
        merge_branch(main, "trial", **given)
    assert len(history.log()) == 2


def test_unrelated_histories_are_refused_with_a_remedy(history: History, tmp_path: Path) -> None:
    main, _ = forked(history)
    take_in_strangers(history, tmp_path, "alien")
    with pytest.raises(InputError, match="no commit in common") as caught:
        merge_branch(main, "alien")
    assert caught.value.hint


def test_a_lost_race_is_merged_again_on_what_the_winner_left(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, trial = forked(history)
    spell(trial, "five", "FIVE")
    commit, races = main.commit, iter(["one", "two"])

    def outrun(*args: Any, **kwargs: Any) -> Any:
        if word := next(races, None):
            monkeypatch.setattr(main, "commit", commit)
            spell(main, word, word.upper())
            monkeypatch.setattr(main, "commit", outrun)
        return commit(*args, **kwargs)

    monkeypatch.setattr(main, "commit", outrun)
    done = merge_branch(main, "trial")
    assert text(main) == "ONE\nTWO\nthree\nfour\nFIVE"
    assert done.heads.ours == history.find_commit(done.commit or "").parent


def test_a_race_that_is_always_lost_ends(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    main, trial = forked(history)
    spell(trial, "five", "FIVE")

    def lost(*_: Any, **__: Any) -> None:
        raise ConflictError("main", None, None)

    monkeypatch.setattr(main, "commit", lost)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(ConflictError):
        merge_branch(main, "trial")


# -- laws ----------------------------------------------------------------------------------------

NAMES = ("a", "b", "c")
WORDS = ("one", "two", "three", "four", "five")
STEP = st.tuples(
    st.sampled_from(["main", "trial"]),
    st.sampled_from(["word", "describe", "remove", "merge", "restore", "rollback"]),
    st.sampled_from(NAMES),
    st.integers(0, 4),
    st.sampled_from(["x", "y"]),
)


def step(registries: dict[str, Registry], move: tuple[str, str, str, int, str]) -> None:
    branch, operation, name, number, new = move
    registry, rid = registries[branch], prompt(name).id
    live = registry.list()
    if operation == "merge":
        other = next(each for each in registries if each != branch)
        merge_branch(registry, other, take="ours")
    elif operation == "rollback":
        newest = registry.history.log(branch)[0]
        if newest.parent and newest.changes:
            registry.rollback(newest.id)
    elif operation == "restore":
        versions = registry.history.versions(rid)
        registry.restore(rid, versions[number % len(versions)][0])
    elif rid not in live:
        registry.register(prompt(name, system=SPELL))
    elif operation == "remove":
        registry.unregister(rid)
    elif operation == "describe":
        registry.set_variables(rid, {"params/template": f"{new} {{{{input}}}}"})
    else:
        lines = registry.get_info(rid).params["system"].split("\n")
        lines[number % len(lines)] = f"{WORDS[number]} {new} {branch}"
        registry.set_variables(rid, {"params/system": "\n".join(lines)})


@given(steps=st.lists(STEP, max_size=14))
@settings(max_examples=15, deadline=None)
def test_laws_of_merging_hold_on_any_two_histories(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "store.db")
        history = History(database)
        main, trial = forked(history, *(prompt(name, system=SPELL) for name in NAMES))
        registries = {"main": main, "trial": trial}
        for each in steps:
            step(registries, each)
        one, other = main.view(), trial.view()
        base = history.view_at(history.log()[-1].id)
        merged, back = merge_views(base, one, other), merge_views(base, other, one)
        # symmetric
        assert [str(c) for c in merged.conflicts] == [str(c) for c in back.conflicts]
        if not merged.conflicts:
            assert _refs(one, merged.changes) == _refs(other, back.changes)
        # itself, and what it came from, bring nothing
        assert merge_views(base, one, one).changes == {}
        assert merge_views(base, one, base) == merge_views(one, one, one)
        # what only one side changed is there
        done = merge_branch(main, "trial", take="theirs")
        _check_merged(history, done)
        assert merge_branch(main, "trial").commit is None
        # nothing is lost, whatever was merged
        for rid in {prompt(name).id for name in NAMES}:
            for semver, digest in history.versions(rid):
                assert main.version(rid, semver).digest == digest
        for commit in history.log():
            view = history.view_at(commit.id)
            assert all(view.record(each).digest == view.refs[each] for each in view)
        assert history.view_at(history.log()[0].id).refs == History(database).view().refs
        database.close()


def _refs(view: Any, changes: Any) -> dict[Any, str]:
    refs = {**view.refs, **{rid: r.digest for rid, r in changes.items() if r is not None}}
    return {rid: digest for rid, digest in refs.items() if changes.get(rid, True) is not None}


def _check_merged(history: History, done: MergeResult) -> None:
    heads = done.heads
    base, ours, theirs = (history.view_at(c) for c in (heads.base, heads.ours, heads.theirs))
    live = history.view(heads.into).refs
    for rid in {*base.refs, *ours.refs, *theirs.refs}:
        before = base.refs.get(rid)
        if ours.refs.get(rid) == before:
            assert live.get(rid) == theirs.refs.get(rid)
        elif theirs.refs.get(rid) in (before, ours.refs.get(rid)):
            assert live.get(rid) == ours.refs.get(rid)


@given(
    ours=st.dictionaries(st.sampled_from([0, 2, 4]), st.text("pq", min_size=1, max_size=3)),
    theirs=st.dictionaries(st.sampled_from([6, 8, 10]), st.text("rs", min_size=1, max_size=3)),
)
@settings(max_examples=30, deadline=None)
def test_changes_of_different_lines_never_conflict(
    ours: dict[int, str], theirs: dict[int, str]
) -> None:
    lines = [f"line {number}" for number in range(12)]

    def changed(given: dict[int, str]) -> View:
        return _view(prompt(system="\n".join(given.get(n, line) for n, line in enumerate(lines))))

    merge = merge_views(changed({}), changed(ours), changed(theirs))
    assert merge.conflicts == ()
    assert _refs(changed(ours), merge.changes) == changed({**ours, **theirs}).refs


def _view(record: Record) -> View:
    return View({record.id: record.digest}, {record.digest: record}.__getitem__)
