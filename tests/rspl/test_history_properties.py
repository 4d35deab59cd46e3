"""Histories under random operations: nothing is lost, nothing is reused, all is reproducible."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from agp.errors import ConflictError, InputError
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.history import MAIN, History, Reason
from agp.rspl.registry import Registry
from agp.store.database import Database
from agp.store.tables import ObjectRow

from .helpers import prompt, record

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
STEPS = st.lists(st.tuples(st.sampled_from(["update", "restore", "rollback"]), TEXTS), max_size=12)


@given(type_=st.sampled_from(list(EntityType)), first=TEXTS, steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_no_history_loses_or_reuses_anything(
    type_: EntityType, first: str, steps: list[tuple[str, str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "store.db")
        registry = Registry(History(database))
        registry.register(prompt())
        rid = ResourceId(type_, "it")
        if type_ is not EntityType.PROMPT:
            registry.register(record(type_, first))
        seen: dict[str, str] = {}  # semver → digest, as it was first given
        live = registry.get_info(rid)
        for operation, text in steps:
            versions = registry.history.versions(rid)
            if operation == "update":
                live = record(type_, text)
                registry.update(live)
            elif operation == "restore":
                semver = versions[len(text) % len(versions)][0]
                registry.restore(rid, semver)
                live = registry.version(rid, semver)
            elif (newest := registry.history.log(resource=rid)[0]).changes[0].before:
                registry.rollback(newest.id)
                live = registry.history.load(newest.changes[0].before)
            assert registry.get_info(rid) == live
            for semver, digest in registry.history.versions(rid):
                assert seen.setdefault(semver, digest) == digest
        digests = [digest for _, digest in registry.history.versions(rid)]
        assert len(set(digests)) == len(digests)
        replayed = History(database)  # nothing in memory: as after a restart
        for commit in replayed.log():
            view = replayed.view_at(commit.id)
            assert all(view.record(each).digest == view.refs[each] for each in view)
        assert replayed.view().record(rid) == live
        database.close()


@pytest.mark.parametrize("type_", list(EntityType))
def test_edit_restore_edit_loses_nothing(history: History, type_: EntityType) -> None:
    registry = Registry(history)
    registry.register(prompt())
    rid = ResourceId(type_, "it")
    if type_ is EntityType.PROMPT:
        registry.update(record(type_, "original"))
        original = history.versions(rid)[-1][0]
    else:
        registry.register(record(type_, "original"))
        original = "1.0.0"
    registry.update(record(type_, "first edit"))
    registry.restore(rid, original)
    assert registry.get_info(rid) == record(type_, "original")
    registry.update(record(type_, "second edit"))
    texts = [history.load(digest).description for _, digest in history.versions(rid)]
    assert texts[-3:] == ["original", "first edit", "second edit"]
    assert len({semver for semver, _ in history.versions(rid)}) == len(texts)


def test_equal_content_is_no_new_version_and_no_commit(history: History) -> None:
    registry = Registry(history)
    registry.register(prompt())
    assert registry.update(prompt()) is None
    assert len(history.log()) == 1


def test_a_stale_commit_names_both_sides_and_changes_nothing(history: History) -> None:
    Registry(history).register(prompt())
    stale = history.view().commit
    Registry(history).update(prompt(system="theirs"))
    newest = history.view().commit
    with pytest.raises(ConflictError) as caught:
        mine = {prompt().id: prompt(system="mine")}
        history.commit(MAIN, mine, Reason("me", "update", "mine"), expected=stale)
    assert (caught.value.expected, caught.value.actual) == (stale, newest)
    assert history.view().record(prompt().id).params["system"] == "theirs"
    with history.database.read() as session:  # the loser's object is not there either
        bodies = session.scalars(select(ObjectRow.body)).all()
    assert not any("mine" in body for body in bodies)


def test_one_commit_moves_many_resources_or_none(history: History) -> None:
    registry = Registry(history)
    registry.register(prompt("one"))
    registry.register(prompt("two"))
    before = history.view().refs
    changes = {prompt(n).id: prompt(n, system="new") for n in ("one", "two")}
    reason = Reason("me", "update", "both")
    commit = history.commit(MAIN, changes, reason, expected=history.view().commit)
    assert commit is not None
    assert {c.resource.name for c in commit.changes} == {"one", "two"}
    registry.rollback(commit.id)
    assert history.view().refs == before


def test_rollback_of_a_commit_that_was_built_upon_is_refused(history: History) -> None:
    registry = Registry(history)
    registry.register(prompt())
    first = registry.update(prompt(system="a"))
    registry.update(prompt(system="b"))
    assert first is not None
    with pytest.raises(InputError, match="changed again since"):
        registry.rollback(first.id)
    assert registry.get_info(prompt().id).params["system"] == "b"


def test_a_branch_leaves_the_other_alone(history: History) -> None:
    main = Registry(history)
    main.register(prompt())
    history.create_branch("trial", at=history.view().commit)
    Registry(history, branch="trial").update(prompt(system="trial"))
    assert main.get_info(prompt().id) == prompt()
    main.update(prompt(system="main"))
    assert [v for v, _ in history.versions(prompt().id)] == ["1.0.0", "1.0.1", "1.0.2"]
    with pytest.raises(InputError, match="already a branch"):
        history.create_branch("trial", at=history.log()[-1].id)


def test_the_commit_id_is_the_digest_of_what_it_says(history: History) -> None:
    from agp.canonical import digest

    Registry(history).register(prompt())
    commit = history.log()[0]
    content = {
        "branch": commit.branch,
        "parents": [commit.parent],
        "author": commit.author,
        "operator": commit.operator,
        "message": commit.message,
        "evidence": commit.evidence,
        "objective": commit.objective,
        "created_at": commit.created_at,
        "changes": [[str(c.resource), c.before, c.after] for c in commit.changes],
    }
    assert commit.id == digest(content)


def test_commits_of_many_threads_are_all_there_and_none_is_overwritten(
    history: History, location: str
) -> None:
    Registry(history).register(prompt())
    for number in range(4):
        history.create_branch(f"b{number}", at=history.view().commit)

    def work(number: int) -> list[str]:
        database = Database(location)
        registry = Registry(History(database), branch=f"b{number % 2}")
        made: list[str] = []
        while len(made) < 5:
            try:
                commit = registry.update(prompt(system=f"{number}.{len(made)}"))
            except ConflictError:
                continue
            assert commit is not None
            made.append(commit.id)
        database.close()
        return made

    with ThreadPoolExecutor(4) as pool:
        made = [commit for commits in pool.map(work, range(4)) for commit in commits]
    chains = [{commit.id for commit in history.log(f"b{number}")} for number in range(2)]
    assert set(made) <= chains[0] | chains[1]
    assert len(chains[0]) == len(chains[1]) == 11
    assert len(history.versions(prompt().id)) == 21
