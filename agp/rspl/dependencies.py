"""The dependency graph: agent → prompt, tools, memory, environment, sub-agents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import networkx

from agp.errors import NotFoundError, ResourceError
from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds import KINDS

nx: Any = networkx  # its type hints are partial: strict checking sees mostly unknowns


def graph_of(records: Iterable[Record]) -> Any:
    """Directed graph with an edge from each resource to what it uses."""
    graph = nx.DiGraph()
    for record in records:
        graph.add_node(record.id)
        graph.add_edges_from((record.id, used) for used in KINDS[record.type].dependencies(record))
    return graph


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


def check(records: dict[ResourceId, Record]) -> None:
    """Every binding exists and nothing uses itself through others. Raises ResourceError."""
    graph = graph_of(records.values())
    for rid in cast("list[ResourceId]", list(graph)):
        if rid not in records:
            users = ", ".join(sorted(str(user) for user in graph.predecessors(rid)))
            near = NotFoundError(
                rid.type.value, rid.name, [r.name for r in records if r.type == rid.type]
            )
            raise ResourceError(f"{users} uses {rid}, which does not exist.", hint=near.hint)
    try:
        cycle = cast("list[tuple[ResourceId, ResourceId]]", nx.find_cycle(graph))
    except nx.NetworkXNoCycle:
        return
    steps = " → ".join(str(edge[0]) for edge in [*cycle, cycle[0]])
    raise ResourceError(f"These resources use each other in a circle: {steps}.")
