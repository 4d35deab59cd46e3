"""``agp fsck``: who wrote code and what was said of it cannot be changed from outside unseen."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.rspl.upkeep.fsck import check
from agp.store.tables import ApprovalRow, OriginRow
from agp.trust import approve, find
from tests.support.untrusted import tool

CODE = "def it(x: str) -> str:\n    return x\n"
FORGED = {
    **{"code": "c" * 64, "parent": None, "policy": "", "resource": "tool/it"},
    **{"decision": "approved", "reviewer": "me", "reason": "so", "created_at": "now"},
    "expires_at": "2999-01-01T00:00:00+00:00",
}


@pytest.fixture
def decided(history: History) -> History:
    """A store with an optimizer's code that a person approved."""
    Registry(history).register(tool(CODE))
    Registry(history).update(tool(CODE), origin="optimizer")
    approve(history, find(history, "tool/it"), reviewer="ann", reason="read it")
    assert check(history.database) == []
    return history


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (update(ApprovalRow).values(expires_at="2999-01-01"), "no such decision"),
        (update(ApprovalRow).values(decision="rejected"), "no such decision"),
        (delete(ApprovalRow), "is gone"),
        (insert(ApprovalRow).values(FORGED), "no such decision"),
        (update(OriginRow).values(origin="nobody"), "no origin"),
        (delete(OriginRow), "is not noted"),
    ],
)
def test_what_was_changed_from_outside_is_found(decided: History, change: Any, fault: str) -> None:
    with decided.database.write() as session:
        session.execute(change)
    found = [each.fault for each in check(decided.database)]
    assert found
    assert all(fault in each for each in found)
