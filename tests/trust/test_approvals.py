"""A person's word: it binds code, parent and policy, ends, and is in the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from agp.audit.log import newest
from agp.errors import InputError, NotFoundError
from agp.rspl import trusted
from agp.rspl.confined.functions import ConfinedFunction
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds.actions import Function
from agp.rspl.origins import code_of
from agp.rspl.registry import Registry
from agp.store.tables import ApprovalRow
from agp.trust import (
    Brought,
    approvals_of,
    approve,
    find,
    pending,
    reject,
    valid_approval,
    versions,
)
from tests.support.untrusted import tool

CODE = "def it(x: str) -> str:\n    return x\n"
IT = ResourceId(EntityType.TOOL, "it")
POLICY, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def history(history: History) -> History:
    """A store under a policy, with a person's tool."""
    history.origins.policy = POLICY
    Registry(history).register(tool(CODE))
    return history


def code(record: Record) -> str:
    found = code_of(record)
    assert found is not None
    return found


def evolve(history: History, record: Record | None = None) -> Record:
    """An optimizer's code goes live."""
    record = record or tool(CODE)
    Registry(history).update(record, origin="optimizer")
    return record


def approved(history: History, days: float = 30) -> Brought:
    found = find(history, "tool/it")
    approve(history, found, reviewer="ann", reason="read it", days=days)
    return found


def built(history: History, policy: str = POLICY) -> type:
    """What another process builds."""
    other = History(history.database)
    other.origins.policy = policy
    return type(Registry(other).get(IT))


def test_what_no_person_wrote_waits_with_all_that_is_known_of_it(history: History) -> None:
    before = Registry(history).get_info(IT)
    assert pending(history) == []
    record = evolve(history)
    (found,) = pending(history)
    assert (found.code, found.parent) == (code(record), code(before))
    assert (found.before, found.after) == (before.digest, record.digest)
    assert (found.origin, found.live, found.status) == ("optimizer", ("main",), "pending")
    assert found.reason(history).id == history.log()[0].id
    assert found.records(history) == (before, record)
    assert versions(history) == [found]


def test_an_approval_lets_it_run_here_and_in_the_next_process(history: History) -> None:
    registry = Registry(history)
    record = evolve(history)
    assert isinstance(registry.get(IT), ConfinedFunction)
    found = approved(history)
    assert isinstance(registry.get(IT), Function)
    trusted.revoke(code(record))
    assert built(history) is Function
    assert pending(history) == []
    (done,) = approvals_of(history, code(record))
    assert (done.code, done.parent, done.policy) == (found.code, found.parent, POLICY)
    with history.database.read() as session:
        entry = next(newest(session, kind="approval"))
    assert entry.actor == "ann"
    assert entry.payload == done.data()


def test_it_ends_at_its_time(history: History) -> None:
    record = evolve(history)
    approved(history, days=1)
    found = find(history, "tool/it")
    assert found.until is not None
    assert valid_approval(history, found.code, resource=IT, parent=found.parent, policy=POLICY)
    late = datetime.now(UTC) + timedelta(days=1, seconds=1)
    kept = {"resource": IT, "parent": found.parent, "policy": POLICY, "moment": late}
    assert valid_approval(history, found.code, **kept) is None  # type: ignore[arg-type]
    approve(history, found, reviewer="ann", reason="a moment", days=0.5 / 86_400)
    reject(history, found, reviewer="ann", reason="no more")
    approve(history, found, reviewer="ann", reason="a moment", days=0.5 / 86_400)
    assert trusted.is_trusted(code(record), "tool/it")
    import time

    time.sleep(0.6)
    assert not trusted.is_trusted(code(record), "tool/it")
    assert built(history) is ConfinedFunction
    assert find(history, "tool/it").status == "expired"


def test_another_policy_is_another_matter(history: History) -> None:
    evolve(history)
    approved(history)
    assert built(history, OTHER) is ConfinedFunction
    assert built(history, POLICY) is Function
    history.origins.policy = OTHER
    assert isinstance(Registry(history).get(IT), ConfinedFunction)
    assert [each.status for each in pending(history)] == ["expired"]
    history.origins.policy = POLICY
    assert isinstance(Registry(history).get(IT), Function)


def test_another_parent_is_another_matter(history: History) -> None:
    record = evolve(history)
    approved(history)
    Registry(history).update(tool(CODE))
    evolve(history, record)
    assert built(history) is ConfinedFunction
    assert [each.code for each in pending(history)] == [code(record)]
    approved(history)
    assert built(history) is Function


def test_bringing_it_back_needs_no_new_word(history: History) -> None:
    record = evolve(history)
    approved(history)
    registry = Registry(history)
    registry.update(tool(CODE))
    registry.rollback(history.log()[0].id)
    assert registry.get_info(IT).digest == record.digest
    assert built(history) is Function


def test_a_rejection_ends_an_approval_and_no_old_one_revives_it(history: History) -> None:
    record = evolve(history)
    found = approved(history)
    reject(history, found, reviewer="bob", reason="reads too much")
    assert not trusted.is_trusted(code(record), "tool/it")
    assert built(history) is ConfinedFunction
    assert (
        valid_approval(history, found.code, resource=IT, parent=found.parent, policy=POLICY) is None
    )
    assert pending(history) == []
    assert find(history, "tool/it").status == "rejected"
    Registry(history).update(record.model_copy(update={"description": "again"}))
    assert built(history) is ConfinedFunction


@pytest.mark.parametrize("field", ["code", "parent", "policy", "resource", "expires_at"])
def test_the_approval_of_something_else_is_none(history: History, field: str) -> None:
    evolve(history)
    found = find(history, "tool/it")
    expires = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    row = {"code": found.code, "parent": found.parent, "policy": POLICY, "resource": "tool/it"}
    row |= {"decision": "approved", "reviewer": "r", "reason": "r", "created_at": "now"}
    row |= {"expires_at": expires}
    other = {"resource": "tool/other", "expires_at": None}.get(field, OTHER)
    with history.database.write() as session:
        session.execute(insert(ApprovalRow), {**row, field: other})
    assert built(history) is ConfinedFunction
    with history.database.write() as session:
        session.execute(insert(ApprovalRow), row)
    assert built(history) is Function


def test_another_processs_word_is_heard_with_the_next_view(history: History) -> None:
    evolve(history)
    here = Registry(history)
    assert isinstance(here.get(IT), ConfinedFunction)
    elsewhere = History(history.database)
    elsewhere.origins.policy = POLICY
    found = find(elsewhere, "tool/it")
    approve(elsewhere, found, reviewer="ann", reason="read it")
    trusted.revoke(found.code)  # as it is in a process that was not told
    here.view()
    assert isinstance(here.get(IT), Function)
    reject(elsewhere, found, reviewer="ann", reason="no")
    trusted.allow(found.code)
    here.view()
    assert isinstance(here.get(IT), ConfinedFunction)


def test_what_was_looked_at_is_what_is_decided_on(history: History) -> None:
    record = evolve(history)
    found = find(history, "tool/it")
    Registry(history).update(tool(CODE))
    evolve(history, record)
    with pytest.raises(InputError, match="changed since you looked"):
        approve(history, found, reviewer="ann", reason="read it")
    assert approvals_of(history, found.code) == []


@pytest.mark.parametrize(
    ("reviewer", "reason", "days"),
    [("", "r", 1), ("r", "  ", 1), ("r", "r", 0), ("r", "r", 400), ("r", "\x00", 1)],
)
def test_a_decision_needs_a_name_a_reason_and_an_end(
    history: History, reviewer: str, reason: str, days: float
) -> None:
    evolve(history)
    found = find(history, "tool/it")
    with pytest.raises(InputError):
        approve(history, found, reviewer=reviewer, reason=reason, days=days)
    with history.database.read() as session:
        assert session.scalars(select(ApprovalRow)).all() == []
        assert not list(newest(session, kind="approval"))


def test_a_failing_audit_keeps_the_approval_out(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    evolve(history)
    found = find(history, "tool/it")

    def broken(*_: object) -> None:
        raise InputError("the log is full")

    monkeypatch.setattr("agp.trust.approvals.audit.append", broken)
    with pytest.raises(InputError, match="full"):
        approve(history, found, reviewer="ann", reason="read it")
    assert approvals_of(history, found.code) == []


def test_it_is_found_by_digest_resource_and_version(history: History) -> None:
    first, second = evolve(history), evolve(history)
    assert find(history, code(first)[:8]).code == code(first)
    assert find(history, "tool/it").code == code(second)
    assert find(history, "it@1.0.1").code == code(first)
    for wrong in ("nothing", "abcdef012345", "tool/it@9"):
        with pytest.raises(NotFoundError):
            find(history, wrong)


def test_candidates_that_never_went_live_are_not_listed(history: History) -> None:
    history.keep([tool(CODE)])
    assert versions(history) == []


def test_on_a_branch_it_is_listed_with_the_branch(history: History) -> None:
    history.create_branch("trial", at="main")
    record = tool(CODE)
    Registry(history, branch="trial").update(record, origin="model")
    (found,) = pending(history)
    assert (found.code, found.live, found.origin) == (code(record), ("trial",), "model")


def test_code_merged_of_an_optimizers_and_a_persons_is_not_a_persons(history: History) -> None:
    from agp.rspl.lineage.merge import merge_branch

    lines = "".join(f"# line {n}\n" for n in range(12))
    main = Registry(history)
    start = tool(f"{lines}{CODE}")
    main.update(start)
    history.create_branch("trial", at="main")
    trial = Registry(history, branch="trial")

    def changed(old: str, new: str) -> Record:
        body = start.body()
        files = body["implementation"]["files"]
        files["tool.py"] = files["tool.py"].replace(old, new)
        return Record.model_validate(body)

    main.update(changed("# line 1\n", "# line one\n"))
    trial.update(changed("# line 9\n", "# line nine\n"), origin="optimizer")
    merge_branch(main, "trial")
    merged = main.get_info(IT)
    assert "line one" in merged.implementation.files["tool.py"]
    assert "line nine" in merged.implementation.files["tool.py"]
    assert not trusted.is_trusted(code(merged), "tool/it")
    assert isinstance(main.get(IT), ConfinedFunction)
    assert {each.code for each in pending(history) if each.live == ("main",)} == {code(merged)}
