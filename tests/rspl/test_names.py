"""Branches, tags and aliases: names for commits and versions."""

from __future__ import annotations

import pytest

from agp.audit import log as audit
from agp.errors import InputError, NotFoundError
from agp.rspl.history import History
from agp.rspl.registry import Registry
from tests.rspl.helpers import prompt

RID = prompt().id


@pytest.fixture
def registry(history: History) -> Registry:
    """A registry with one prompt of two versions."""
    registry = Registry(history)
    registry.register(prompt())
    registry.update(prompt(system="Be long."))
    return registry


def test_an_alias_moves_and_every_move_is_audited(registry: Registry) -> None:
    registry.move_alias(RID, "production", "1.0.0")
    assert registry.version(RID, "production") == prompt()
    registry.move_alias(RID, "production", "1.0.1")
    assert registry.version(RID, "production") == prompt(system="Be long.")
    registry.history.names.delete_alias(RID, "production", author="me")
    with pytest.raises(NotFoundError):
        registry.version(RID, "production")
    with registry.history.database.read() as session:
        moves = [e.payload for e in audit.newest(session, kind="alias")]
    first, second = (digest for _, digest in registry.history.versions(RID))
    assert [(m["before"], m["after"]) for m in moves] == [
        (second, None),
        (first, second),
        (None, first),
    ]


def test_a_tag_lasts(registry: Registry) -> None:
    history = registry.history
    tagged = history.log()[0].id
    history.names.create_tag("paper-v1", tagged, author="me", message="table 2")
    registry.update(prompt(system="Be silent."))
    assert history.find_commit("paper-v1").id == tagged
    assert history.view_at("paper-v1").record(RID) == prompt(system="Be long.")
    with pytest.raises(InputError, match="already"):
        history.names.create_tag("paper-v1", history.log()[0].id, author="me")
    history.names.delete_tag("paper-v1", author="me")
    with pytest.raises(NotFoundError):
        history.find_commit("paper-v1")
    assert history.find_commit(tagged[:8]).id == tagged


@pytest.mark.parametrize(
    "name",
    ["", "A", "a b", "../x", "a//b", "-a", "a\n", "pаper", "deadbeef", "1.0.0", "12", "a" * 101],
)
def test_a_name_that_reads_like_something_else_is_refused(registry: Registry, name: str) -> None:
    history = registry.history
    at = history.log()[0].id
    with pytest.raises(InputError):
        history.names.create_tag(name, at, author="me")
    with pytest.raises(InputError):
        history.create_branch(name, at=at)
    with pytest.raises(InputError):
        registry.move_alias(RID, name, "1.0.0")
    assert history.names.tags() == {}
    assert list(history.branches()) == ["main"]


def test_branches_and_tags_share_one_space_of_names(registry: Registry) -> None:
    history = registry.history
    at = history.log()[0].id
    history.create_branch("trial", at=at)
    with pytest.raises(InputError, match="already"):
        history.names.create_tag("trial", at, author="me")
    with pytest.raises(InputError, match="already"):
        history.create_branch("trial", at=at)


def test_a_deleted_branch_can_be_brought_back(registry: Registry) -> None:
    history = registry.history
    history.create_branch("trial", at="main")
    trial = Registry(history, branch="trial")
    trial.update(prompt(system="Be odd."))
    head, view = history.head("trial"), history.view("trial")
    history.delete_branch("trial")
    with pytest.raises(NotFoundError):
        history.view("trial")
    assert head is not None
    history.create_branch("trial", at=head)
    assert dict(history.view("trial").refs) == dict(view.refs)
    assert history.versions(RID)[-1][1] == prompt(system="Be odd.").digest
    with pytest.raises(InputError, match="main"):
        history.delete_branch("main")
