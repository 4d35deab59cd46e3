"""What agents are bound to, as edits change it: where a binding is, and what it may come to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, cast

from agp.errors import EditError
from agp.rspl.dependencies import closure
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.agent import BINDINGS, Bindings
from agp.rspl.view import View


def place_of(variable: str) -> tuple[ResourceId, str]:
    """The agent and the field of a binding. Raises EditError for a variable that is none."""
    resource, _, field = variable.partition(":")
    rid = ResourceId.parse(resource)
    if rid.type is not EntityType.AGENT or field not in BINDINGS:
        raise EditError(f"{variable} is no binding.", hint=f"Bindings are: {', '.join(BINDINGS)}")
    return rid, field


def bound(variable: str, now: Any, name: str) -> Any:
    """What a binding becomes with one more name, or with that name where it holds one only."""
    if isinstance(now, str):
        return name
    names = _names(now)
    if name in names:
        raise EditError(f"{variable} has {name!r} already.")
    return [*names, name]


def unbound(variable: str, now: Any, name: str) -> Any:
    """What a binding becomes without a name. Raises EditError where it does not have it."""
    names = [now] if isinstance(now, str) else _names(now)
    if not name or name not in names:
        raise EditError(f"{variable} has no {name!r}.")
    if isinstance(now, str):
        return ""
    return [each for each in names if each != name]


def fields_for(type_: EntityType) -> list[str]:
    """The fields by which agents are bound to resources of a type."""
    return [field for field, bound_type in BINDINGS.items() if bound_type is type_]


def check(
    view: View,
    records: Iterable[Record],
    created: Collection[ResourceId],
    roles: Collection[str] | None,
) -> None:
    """Raise EditError where agents would be bound to what they may not be.

    All that they are bound to exists, none uses itself, no two of their functions are called
    alike, their models' roles are known. What is new is used by an agent that was there before,
    and reaches no further than that agent does.
    """
    records = list(records)
    after = view.with_overlay(records)
    agents = [record for record in records if record.type is EntityType.AGENT]
    for agent in agents:
        _check_agent(agent, after, roles)
    users = [agent for agent in agents if agent.id not in created]
    used = {rid for agent in users for rid in closure(agent.id, after.record)}
    if idle := [rid for rid in created if rid not in used]:
        raise EditError(f"{idle[0]} is new, and no agent is bound to it.")
    reach = {rid for agent in users for rid in closure(agent.id, view.record)}
    models = {Bindings.of(view.record(rid)).model for rid in reach if rid.type is EntityType.AGENT}
    for agent in agents:
        if agent.id in created:
            _check_reach(agent, reach | set(created), models)


def _check_agent(agent: Record, after: View, roles: Collection[str] | None) -> None:
    uses = KINDS[agent.type].dependencies(agent)
    for rid in uses:
        if rid not in after:
            raise EditError(f"{agent.id} would be bound to {rid}, which does not exist.")
    for rid in uses:
        if agent.id in closure(rid, after.record):
            raise EditError(f"{agent.id} would use itself through {rid}.")
    role = Bindings.of(agent).model
    if roles is not None and role not in roles:
        raise EditError(f"{agent.id}: there is no role {role!r}; roles are: {', '.join(roles)}.")
    called: dict[str, ResourceId] = {}
    for rid in uses:
        if rid.type is EntityType.PROMPT:
            continue
        for function in KINDS[rid.type].exports(after.record(rid)):
            name = function["function"]["name"]
            if (other := called.setdefault(name, rid)) != rid:
                raise EditError(f"{agent.id}: {other} and {rid} both have a function {name!r}.")


def _check_reach(agent: Record, reach: Collection[ResourceId], models: Collection[str]) -> None:
    for rid in KINDS[agent.type].dependencies(agent):
        if rid not in reach:
            raise EditError(
                f"{agent.id} is new and would be bound to {rid}, which the agent that it is made "
                "for does not use."
            )
    if (role := Bindings.of(agent).model) not in models:
        known = ", ".join(sorted(models))
        raise EditError(f"{agent.id} is new and asks {role!r}; it may ask: {known}.")


def _names(now: Any) -> list[str]:
    return [str(each) for each in cast("list[Any]", now or [])]
