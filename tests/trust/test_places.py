"""An approval counts for one resource, and while the code stands there in place of its parent."""

from __future__ import annotations

import time

import pytest

from agp.errors import InputError
from agp.rspl import trusted
from agp.rspl.commits import Reason
from agp.rspl.confined.functions import ConfinedFunction
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds.actions import Function
from agp.rspl.origins import code_of
from agp.rspl.registry import Registry
from agp.trust import approve, find, pending, reject, versions
from tests.support.untrusted import tool

CODE = "def it(x: str) -> str:\n    return x\n"
IT, OTHER, THIRD = (ResourceId(EntityType.TOOL, name) for name in ("it", "other", "third"))


@pytest.fixture
def registry(history: History) -> Registry:
    """Two tools, a person's."""
    registry = Registry(history)
    registry.register(tool(CODE))
    registry.register(tool(CODE, name="other"))
    return registry


def named(record: Record, rid: ResourceId) -> Record:
    return Record.model_validate({**record.body(), "name": rid.name})


def approved(registry: Registry, text: str = "tool/it") -> None:
    approve(registry.history, find(registry.history, text), reviewer="ann", reason="read it")


def evolved(registry: Registry) -> Record:
    """An optimizer's code in tool/it, approved there."""
    record = tool(CODE)
    registry.update(record, origin="optimizer")
    approved(registry)
    assert isinstance(registry.get(IT), Function)
    return record


def in_another_process(registry: Registry, rid: ResourceId) -> type:
    return type(Registry(History(registry.history.database)).get(rid))


def test_the_same_code_in_another_resource_needs_a_word_of_its_own(registry: Registry) -> None:
    record = evolved(registry)
    registry.update(named(record, OTHER), origin="optimizer")
    registry.register(named(record, THIRD), origin="import")
    for rid in (OTHER, THIRD):
        assert isinstance(registry.get(rid), ConfinedFunction)
        assert in_another_process(registry, rid) is ConfinedFunction
    assert isinstance(registry.get(IT), Function)
    assert {(each.resource, each.status) for each in versions(registry.history)} == {
        (IT, "approved"),
        (OTHER, "pending"),
        (THIRD, "pending"),
    }
    assert {each.resource for each in pending(registry.history)} == {OTHER, THIRD}
    with pytest.raises(InputError, match="means several") as unclear:
        find(registry.history, str(code_of(record)))
    assert "tool/it@1.0.1" in str(unclear.value)
    approved(registry, "tool/other@1.0.1")
    assert isinstance(registry.get(OTHER), Function)
    assert isinstance(registry.get(THIRD), ConfinedFunction)


def test_a_copy_needs_a_word_of_its_own(registry: Registry) -> None:
    evolved(registry)
    registry.copy(IT, "twin")
    assert isinstance(registry.get("tool/twin"), ConfinedFunction)
    assert [str(each.resource) for each in pending(registry.history)] == ["tool/twin"]


def test_a_candidate_with_approved_code_elsewhere_is_confined(registry: Registry) -> None:
    record = evolved(registry)
    view = registry.view().with_overlay([named(record, OTHER)])
    assert isinstance(registry.builder.get(view, OTHER), ConfinedFunction)
    assert isinstance(registry.builder.get(view, IT), Function)


def test_a_rejection_of_the_code_ends_its_approvals_everywhere(registry: Registry) -> None:
    record = evolved(registry)
    registry.update(named(record, OTHER), origin="optimizer")
    what = find(registry.history, "tool/other")
    reject(registry.history, what, reviewer="bob", reason="reads too much")
    assert isinstance(registry.get(IT), ConfinedFunction)
    assert in_another_process(registry, IT) is ConfinedFunction
    assert {each.status for each in versions(registry.history)} == {"rejected"}


def test_another_parent_voids_it_in_the_running_process(registry: Registry) -> None:
    record = evolved(registry)
    held = registry.view()
    registry.update(tool(CODE))
    registry.update(record, origin="optimizer")
    assert isinstance(registry.builder.get(held, IT), ConfinedFunction)
    assert isinstance(registry.get(IT), ConfinedFunction)
    assert in_another_process(registry, IT) is ConfinedFunction
    assert [each.status for each in versions(registry.history)] == ["expired"]


def test_it_counts_only_while_the_code_is_live(registry: Registry) -> None:
    """A candidate that would replace something else has not been looked at as such."""
    record = evolved(registry)
    registry.update(tool(CODE))
    view = registry.view().with_overlay([record])
    assert isinstance(registry.builder.get(view, IT), ConfinedFunction)
    registry.rollback(registry.history.log()[0].id)
    assert isinstance(registry.builder.get(view, IT), Function)
    assert in_another_process(registry, IT) is Function


def test_another_processs_commits_are_heard_with_the_next_view(registry: Registry) -> None:
    record = evolved(registry)
    registry.view()
    elsewhere = Registry(History(registry.history.database))
    elsewhere.update(tool(CODE))
    elsewhere.update(record, origin="optimizer")
    # As it is in a process that was not told.
    trusted.settle(str(code_of(record)), str(IT), time.time() + 60)
    assert isinstance(registry.get(IT), Function)
    registry.view()
    assert isinstance(registry.get(IT), ConfinedFunction)


def test_a_commit_that_is_undone_before_its_end_voids_nothing(registry: Registry) -> None:
    evolved(registry)
    history = registry.history

    def failing() -> None:
        with history.database.write() as session:
            reason = Reason("a", "update", "m")
            head = history.head("main")
            history.commit("main", {IT: tool(CODE)}, reason, expected=head, session=session)
            raise InputError("no")

    with pytest.raises(InputError):
        failing()
    registry.view()
    assert isinstance(registry.get(IT), Function)


def test_with_the_only_branch_that_has_it_it_ends(registry: Registry) -> None:
    history = registry.history
    history.create_branch("trial", at="main")
    trial = Registry(history, branch="trial")
    evolved(trial)
    view = trial.view()
    history.delete_branch("trial")
    assert isinstance(trial.builder.get(view, IT), ConfinedFunction)


def test_a_commit_that_changes_no_code_judges_nothing_anew(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = evolved(registry)
    registry.get_info(IT)

    def asked(*_: object) -> None:
        raise AssertionError("judged anew")

    monkeypatch.setattr("agp.rspl.origins._known", asked)
    registry.update(record.model_copy(update={"description": "in other words"}))
    assert isinstance(registry.get(IT), Function)
