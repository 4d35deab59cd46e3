"""Deciding by a policy's rules, as they are written: deny > ask > allow, in whatever order."""

from __future__ import annotations

from collections.abc import Iterator

from agp.permissions.decisions import ActionRequest, ChangeRequest, Decision, Verdict
from agp.permissions.patterns import Call, Rule, fits, rule
from agp.permissions.policy import ChangeKind, EvolveRule, Policy, Rules
from agp.permissions.scopes import Ground, out_of_scope
from agp.permissions.values import Unreadable, fold, leaves

_RANK: dict[str, int] = {"insert": 0, "patch": 1, "replace": 2}
_NEVER = ("evolvable", "metadata", "type", "name")
_LIMITS = ("params/policy", "params/model", "params/timeout_s")


def judge_call(policy: Policy, request: ActionRequest, ground: Ground) -> Decision:
    """What the policy says of a call.

    Protected files and scopes come first, then the rules: those for all agents, and those of every
    agent in the chain (a sub-agent may do no more than is left to those above it; only its own
    rules allow). What no rule names asks.
    """
    try:
        call = Call(_names(request), request.other_names, [*map(leaves, request.readings)])
    except Unreadable as error:
        return Decision("deny", "built in: readable arguments", str(error))
    if (outside := out_of_scope(policy, request, call.leaves, ground)) is not None:
        return outside
    for verdict in ("deny", "ask", "allow"):
        for place, each in _rules(policy, request, verdict):
            fit = each.covers(call) if verdict == "allow" else each.touches(call)
            if fit:
                written = f'{place} {verdict} "{each.text}"'
                return Decision(verdict, written, f"{request.name} is under {written}")
    return Decision("ask", "no rule", f"no rule names {request.name}")


def judge_change(policy: Policy, request: ChangeRequest) -> Decision:
    """What the policy says of a change; what no rule permits may not evolve.

    New capabilities and looser limits need a person, whatever permits the change.
    """
    if request.field.split("/")[0] in _NEVER or "/" not in request.resource:
        what = f"{request.resource}:{request.field}"
        return Decision("deny", "built in: envelope", f"{what} can never be changed by evolution")
    touching = [each for each in policy.evolve_rules if _names_it(each, request)]
    denying = [e for e in touching if e.verdict == "deny" and _reaches(e, request.kind)]
    if denying:
        said = _said(denying[0])
        return Decision("deny", said, f"{request.resource}:{request.field} is under {said}")
    open_ = [e for e in touching if e.verdict != "deny" and _permits(e, request)]
    if not open_:
        return Decision("deny", "[[evolve]]", _not_permitted(request, touching))
    asking = [e for e in touching if e.verdict == "ask" and _reaches(e, request.kind)]
    if not asking and all(each.verdict == "ask" for each in open_):
        asking = open_
    if request.capabilities:
        if any(each.capabilities == "deny" for each in touching):
            new = ", ".join(request.capabilities)
            return Decision("deny", "[[evolve]] capabilities", f"it would add {new}")
        new = ", ".join(request.capabilities[:6])
        return Decision("ask", "new capability", f"{request.resource} would gain {new}", True)
    if asking:
        said = _said(asking[0])
        limits = any(request.field.startswith(each) for each in _LIMITS)
        return Decision("ask", said, f"{request.resource} is under {said}", limits)
    said = _said(open_[0])
    return Decision("allow", said, f"{request.resource} is under {said}")


def _names(request: ActionRequest) -> frozenset[str]:
    """What a call is properly called: with and without its type, its action, its sort."""
    own = request.resource.partition("/")[2]
    names = {own, request.resource, f"{own}.{request.action}"}
    names.add(f"{request.resource}.{request.action}")
    if request.sort:
        names |= {f"{request.sort}.{own}", f"{request.sort}.{own}.{request.action}"}
    return frozenset(names)


def _rules(policy: Policy, request: ActionRequest, verdict: Verdict) -> Iterator[tuple[str, Rule]]:
    yield from (("[tools]", rule(text)) for text in _texts(policy.tool_rules, verdict))
    acting = request.agent_chain[-1:] if verdict == "allow" else request.agent_chain
    for name, rules in policy.agents.items():
        if any(fits(fold(name), fold(agent)) for agent in acting):
            place = f"[agents.{name}.tools]"
            yield from ((place, rule(text)) for text in _texts(rules.tools, verdict))


def _texts(rules: Rules, verdict: Verdict) -> tuple[str, ...]:
    match verdict:
        case "deny":
            return rules.deny
        case "ask":
            return rules.ask
        case "allow":
            return rules.allow


def _names_it(each: EvolveRule, request: ChangeRequest) -> bool:
    resource, field = fold(request.resource), fold(request.field)
    return any(fits(fold(glob), resource) for glob in each.resource) and (
        fits(fold(each.field), field)
    )


def _permits(each: EvolveRule, request: ChangeRequest) -> bool:
    """Whether an allowing or asking rule holds the change: its kind, or a lesser one; its size."""
    small = each.growth is None or request.growth <= each.growth
    return (
        _speaks_of(each, request.kind)
        and small
        and (each.size is None or request.size <= each.size)
    )


def _speaks_of(each: EvolveRule, kind: str) -> bool:
    """Whether a rule names a kind of change, or one that does more."""
    return kind in each.changes or any(
        _RANK.get(kind, 9) <= _RANK.get(named, -1) for named in each.changes
    )


def _reaches(each: EvolveRule, kind: str) -> bool:
    """Whether a kind of change can do what a denying or asking rule speaks of."""
    return kind in each.changes or any(
        _RANK.get(kind, -1) >= _RANK.get(named, 9) for named in each.changes
    )


def _not_permitted(request: ChangeRequest, touching: list[EvolveRule]) -> str:
    what = f"{request.resource}:{request.field}"
    open_ = [e for e in touching if e.verdict != "deny" and _speaks_of(e, request.kind)]
    limits = [each.growth for each in open_ if each.growth]
    if limits and request.growth > max(limits):
        return f"{what} would grow by more than {max(limits)} characters"
    if touching:
        return f"no rule permits this change ({request.kind}, {request.size} characters) of {what}"
    return f"no rule lets {what} evolve"


def _said(each: EvolveRule) -> str:
    kinds: tuple[ChangeKind, ...] = each.changes
    return f"[[evolve]] {each.verdict} {', '.join(each.resource)}:{each.field} ({', '.join(kinds)})"
