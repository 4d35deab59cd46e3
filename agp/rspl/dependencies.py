"""The dependency graph: agent → prompt, tools, memory, environment, sub-agents.

What a version is bound to is stored with it, so that a commit is checked by looking at what it
touches, however large the registry is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import networkx
from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.errors import NotFoundError, ResourceError
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.store.tables import RefRow, UseRow

nx: Any = networkx  # its type hints are partial: strict checking sees mostly unknowns


def closure(root: ResourceId, record_of: Callable[[ResourceId], Record]) -> list[ResourceId]:
    """``root`` and everything it uses, sorted. Raises ResourceError for what is missing."""
    seen: set[ResourceId] = set()
    waiting = [root]
    while waiting:
        rid = waiting.pop()
        if rid in seen:
            continue
        seen.add(rid)
        waiting += KINDS[rid.type].dependencies(record_of(rid))
    return sorted(seen)


def users_of(session: Session, branch: str, rid: ResourceId) -> list[ResourceId]:
    """The live resources of a branch that are bound to one, sorted."""
    query = (
        select(RefRow.type, RefRow.name)
        .join(UseRow, UseRow.digest == RefRow.digest)
        .where(RefRow.branch == branch, UseRow.type == rid.type.value, UseRow.name == rid.name)
    )
    rows = session.execute(query)
    return sorted(ResourceId(EntityType(type_), name) for type_, name in rows)


def check(session: Session, branch: str, changes: Mapping[ResourceId, Record | None]) -> None:
    """After ``changes``, every binding exists and nothing uses itself through others.

    Raises ResourceError. Call it in the transaction that commits the changes.
    """
    for rid, record in changes.items():
        if record is None:
            _check_unused(session, branch, rid, changes)
    graph = _graph_below(session, branch, changes)
    try:
        cycle = cast("list[tuple[ResourceId, ResourceId]]", nx.find_cycle(graph))
    except nx.NetworkXNoCycle:
        return
    steps = " → ".join(str(edge[0]) for edge in [*cycle, cycle[0]])
    raise ResourceError(
        f"These resources use each other in a circle: {steps}.", hint="Take one binding away."
    )


def _check_unused(
    session: Session, branch: str, rid: ResourceId, changes: Mapping[ResourceId, Record | None]
) -> None:
    users = [user for user in users_of(session, branch, rid) if user not in changes]
    if users:
        names = ", ".join(map(str, users))
        raise ResourceError(
            f"{rid} cannot be taken out: {names} uses it.",
            hint="Change or unregister what uses it first.",
        )


def _graph_below(session: Session, branch: str, changes: Mapping[ResourceId, Record | None]) -> Any:
    """The graph of what the changed resources use, after the change."""
    graph = nx.DiGraph()
    seen: set[ResourceId] = set()
    waiting = [rid for rid, record in changes.items() if record is not None]
    while waiting:
        rid = waiting.pop()
        if rid in seen:
            continue
        seen.add(rid)
        record = changes.get(rid)
        used = KINDS[rid.type].dependencies(record) if record else _used(session, branch, rid)
        for other in used:
            if not _exists(session, branch, other, changes):
                _refuse_missing(session, branch, rid, other)
            graph.add_edge(rid, other)
        waiting += used
    return graph


def _used(session: Session, branch: str, rid: ResourceId) -> list[ResourceId]:
    query = (
        select(UseRow.type, UseRow.name)
        .join(RefRow, RefRow.digest == UseRow.digest)
        .where(RefRow.branch == branch, RefRow.type == rid.type.value, RefRow.name == rid.name)
    )
    rows = session.execute(query)
    return [ResourceId(EntityType(type_), name) for type_, name in rows]


def _exists(
    session: Session,
    branch: str,
    rid: ResourceId,
    changes: Mapping[ResourceId, Record | None],
) -> bool:
    if rid in changes:
        return changes[rid] is not None
    return session.get(RefRow, (branch, rid.type.value, rid.name)) is not None


def _refuse_missing(session: Session, branch: str, user: ResourceId, used: ResourceId) -> None:
    query = select(RefRow.name).where(RefRow.branch == branch, RefRow.type == used.type.value)
    near = NotFoundError(used.type.value, used.name, session.scalars(query))
    raise ResourceError(f"{user} uses {used}, which does not exist.", hint=near.hint)
