"""Following an influence through a history, and taking it back."""

from typing import Any

import pytest
from sqlalchemy import select

from agp.errors import ConflictError, InputError, NotFoundError, ResourceError
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.lineage.influence import Influence, influence_of
from agp.rspl.lineage.merge import merge_branch
from agp.rspl.lineage.undoing import find_label, undo_influence
from agp.rspl.registry import Registry
from agp.rspl.upkeep.fsck import check
from agp.runs.journal import Journal
from agp.store.tables import AuditRow, InfluenceRow

from .helpers import BINDINGS, prompt, record

POISON = "sample:" + "ab" * 32
IT, OTHER = ResourceId.parse("prompt/it"), ResourceId.parse("prompt/other")


@pytest.fixture
def registry(history: History) -> Registry:
    registry = Registry(history)
    registry.register(prompt())
    registry.register(prompt("other"))
    return registry


def change(registry: Registry, *records: Record, poisoned: bool = False, **evidence: Any) -> str:
    if poisoned:
        evidence["influences"] = [POISON, "tool:fetch"]
    changes: dict[ResourceId, Record | None] = {each.id: each for each in records}
    commit = registry.commit(changes, operator="evolve", message="a change", evidence=evidence)
    assert commit is not None
    return commit.id


def live(registry: Registry, rid: ResourceId = IT) -> str:
    return registry.get_info(rid).params["system"]


def found(registry: Registry, label: str = POISON) -> Influence:
    return influence_of(registry.history, [label], registry.branch)


def test_a_commit_and_what_builds_on_it_go_and_the_rest_stays(registry: Registry) -> None:
    change(registry, prompt(system="Good."))
    bad = change(registry, prompt(system="Poisoned."), poisoned=True)
    elsewhere = change(registry, prompt("other", system="Independent."))
    later = change(registry, prompt(system="Poisoned, improved."))
    influence = found(registry)
    assert [each.commit.id for each in influence.commits] == [bad, later]
    assert [each.commit.id for each in influence.lost] == [later]
    commit = undo_influence(registry, influence)
    assert commit is not None
    assert (live(registry), live(registry, OTHER)) == ("Good.", "Independent.")
    assert commit.evidence == {"influence": [POISON], "undone": [bad, later]}
    assert elsewhere not in commit.evidence["undone"]
    with registry.history.database.read() as session:
        entry = session.scalars(select(AuditRow.body).order_by(AuditRow.seq.desc())).first()
    assert commit.id in (entry or "")
    assert not check(registry.history.database)


def test_undoing_twice_changes_nothing(registry: Registry) -> None:
    change(registry, prompt(system="Poisoned."), poisoned=True)
    undo_influence(registry, found(registry))
    again = found(registry)
    assert again.commits
    assert not again.returns
    assert undo_influence(registry, again) is None


def test_work_that_ran_on_an_influenced_version_is_influenced(registry: Registry) -> None:
    change(registry, prompt(system="Poisoned."), poisoned=True)
    used = {str(IT): registry.get_info(IT).digest}
    second = change(registry, prompt("other", system="Made with it."), used=used)
    change(registry, prompt(system="A person's own."), used={})
    influence = found(registry)
    assert second in [each.commit.id for each in influence.commits]
    undo_influence(registry, influence)
    assert (live(registry), live(registry, OTHER)) == ("Be brief.", "Be brief.")


def test_work_that_ran_on_clean_versions_stays(registry: Registry) -> None:
    used = {str(IT): registry.get_info(IT).digest}
    change(registry, prompt(system="Poisoned."), poisoned=True)
    change(registry, prompt("other", system="Begun before."), used=used)
    undo_influence(registry, found(registry))
    assert live(registry, OTHER) == "Begun before."


def test_what_it_made_is_taken_out_and_what_it_took_out_comes_back(registry: Registry) -> None:
    new = record(EntityType.TOOL, "made by it", "fresh")
    evidence = {"influences": [POISON]}
    registry.commit(
        {new.id: new, OTHER: None}, operator="evolve", message="both", evidence=evidence
    )
    undo_influence(registry, found(registry))
    assert new.id not in registry.view()
    assert live(registry, OTHER) == "Be brief."


def test_what_others_use_is_not_taken_out_from_under_them(registry: Registry) -> None:
    new = record(EntityType.TOOL, "made by it", "fresh")
    change(registry, new, poisoned=True)
    agent = record(EntityType.AGENT, "uses it", "user")
    bound = agent.model_copy(update={"params": {**BINDINGS, "tools": ["fresh"]}})
    registry.register(bound)
    head = registry.history.head("main")
    with pytest.raises(ResourceError, match="agent/user uses it"):
        undo_influence(registry, found(registry))
    assert registry.history.head("main") == head


def test_a_version_that_was_there_before_is_clean_when_it_comes_back(registry: Registry) -> None:
    bad = change(registry, prompt(system="Poisoned."), poisoned=True)
    registry.rollback(bad)
    influence = found(registry)
    assert [each.commit.id for each in influence.commits] == [bad]
    assert not influence.returns


def test_a_restored_influenced_version_is_found(registry: Registry) -> None:
    bad = change(registry, prompt(system="Poisoned."), poisoned=True)
    digest = registry.get_info(IT).digest
    registry.rollback(bad)
    registry.restore(IT, digest)
    assert [each.why[:9] for each in found(registry).lost] == ["it brings"]
    undo_influence(registry, found(registry))
    assert live(registry) == "Be brief."


def test_a_copy_is_followed(registry: Registry) -> None:
    change(registry, prompt(system="Poisoned."), poisoned=True)
    registry.copy(IT, "twin")
    registry.copy(IT, "old", version="1.0.0")
    undo_influence(registry, found(registry))
    left = {rid.name for rid in registry.view()}
    assert "twin" not in left
    assert "old" in left


def test_a_poisoned_step_back_is_undone_too(registry: Registry) -> None:
    """An influenced commit that brings an old, clean version did harm as well."""
    change(registry, prompt(system="Fixed."))
    change(registry, prompt(), poisoned=True)
    undo_influence(registry, found(registry))
    assert live(registry) == "Fixed."


def test_merges_carry_an_influence_to_the_other_branch(registry: Registry) -> None:
    registry.history.create_branch("work", at="main")
    work = Registry(registry.history, branch="work")
    change(work, prompt(system="Be brief.\n\nPoisoned."), poisoned=True)
    change(registry, prompt(system="Own.\n\nBe brief."))
    assert not found(registry).commits
    merge_branch(registry, "work")
    assert "Poisoned." in live(registry)
    undo_influence(registry, found(registry))
    assert live(registry) == "Own.\n\nBe brief."
    assert "Poisoned." in live(work)


def test_a_branch_that_moved_is_a_conflict(registry: Registry) -> None:
    change(registry, prompt(system="Poisoned."), poisoned=True)
    influence = found(registry)
    change(registry, prompt("other", system="Meanwhile."))
    with pytest.raises(ConflictError):
        undo_influence(registry, influence)


def test_rows_are_what_the_evidence_says(registry: Registry, history: History) -> None:
    bad = change(registry, prompt(system="Poisoned."), poisoned=True, run="evolve-1")
    with history.database.read() as session:
        rows = {(row.commit, row.label) for row in session.scalars(select(InfluenceRow))}
    assert rows == {(bad, POISON), (bad, "tool:fetch"), (bad, "run:evolve-1")}
    assert not check(history.database)
    with history.database.write() as session:
        session.add(InfluenceRow(commit=bad, label="sample:forged"))
    assert [each.part for each in check(history.database)] == ["commits"]


def test_evidence_of_any_form_is_no_label(registry: Registry) -> None:
    change(registry, prompt(system="A."), influences="text", used=["x"], run=3)
    change(registry, prompt(system="B."), influences=[1, None, "", "user"], used={"x": 1})
    assert not found(registry).commits
    assert len(found(registry, "user").commits) == 1


def test_words_that_mean_a_label(registry: Registry, history: History) -> None:
    change(registry, prompt(system="Poisoned."), poisoned=True, run="evolve-1")
    database = history.database
    assert find_label(database, POISON) == POISON
    assert find_label(database, "ab" * 4) == POISON
    assert find_label(database, "fetch") == "tool:fetch"
    assert find_label(database, "tool:fetch") == "tool:fetch"
    assert find_label(database, "run:evolve-1") == "run:evolve-1"
    assert find_label(database, "tool:unheard.of") == "tool:unheard.of"
    journal = Journal.start(database, "bench", {})
    scored = {"sample": "echo/7", "sample_digest": "cd" * 32}
    journal.append("sample/x", "sample", scored)
    assert find_label(database, journal.run) == f"run:{journal.run}"
    assert find_label(database, "echo/7") == "sample:" + "cd" * 32
    assert find_label(database, "cdcdcdcd") == "sample:" + "cd" * 32
    journal.append("sample/y", "sample", {**scored, "sample_digest": "ef" * 32})
    with pytest.raises(InputError, match="may mean 2 things"):
        find_label(database, "echo/7")
    for unknown in ("ab", "nobody", "", "%", "sample:", "a\x00b", "trace:zzzzzzzz"):
        with pytest.raises(NotFoundError):
            find_label(database, unknown)
