"""The policy in words: one or two lines before a run, and a document for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agp.permissions.decisions import MEANING, Mode
from agp.permissions.policy import FILE, BudgetLimits, EvolveRule, Policy, Rules

_KINDS = ("deny", "ask", "allow")
_WORDS = {"deny": "Never", "ask": "Only after a person said yes", "allow": "Freely"}
_SHOWN = 4


def summary(policy: Policy, mode: Mode, *, asked: bool) -> str:
    """Two lines: what agents may call, and what may evolve."""
    rules = policy.tool_rules
    calls = [f"{kind} {_few(getattr(rules, kind))}" for kind in _KINDS if getattr(rules, kind)]
    own = f"; own rules for {_few(policy.agents)}" if policy.agents else ""
    asks = mode in (Mode.DEFAULT, Mode.PLAN, Mode.ASK, Mode.AUTO)
    nobody = "; nobody is there to be asked" if asks and not asked else ""
    meant = "" if mode is Mode.DEFAULT else f" ({MEANING[mode]})"
    changes = [
        f"{rule.verdict} {', '.join(rule.resource)}"
        + ("" if rule.field == "*" else f" ({rule.field})")
        + (" (new ones)" if rule.changes == ("create",) else "")
        for rule in policy.evolve_rules
    ]
    first = f"Permissions: mode {mode}{meant}; calls: {', '.join(calls)}{own}{nobody}"
    if not mode.commits:
        changes = ["nothing is committed"]
    return f"{first}\nMay evolve: {'; '.join(changes) or 'nothing'}"


def described(policy: Policy) -> str:
    """The whole policy as Markdown."""
    return "\n".join(_lines(policy)) + "\n"


def _lines(policy: Policy) -> Iterator[str]:
    yield f"Mode **{policy.mode}**: {MEANING[policy.mode]}."
    yield ""
    yield "## What agents may call"
    yield ""
    if policy.tools is None:
        yield "No rules are written: an agent may call what it is bound to."
    yield from _rules(policy.tool_rules)
    if policy.mode in (Mode.DEFAULT, Mode.PLAN, Mode.ASK):
        yield "- What no rule names asks a person; where nobody can be asked, it is denied."
    yield "- Deny goes before ask, ask before allow, whatever their order."
    yield f"- Nothing may touch `{FILE}`, `agp.toml` or `.agp/`, whatever the rules say."
    for name, own in policy.agents.items():
        yield ""
        yield f"The agent **{name}**, and what it calls, beside these rules:"
        yield ""
        yield from _rules(own.tools)
    yield ""
    yield "## What they may reach"
    yield ""
    yield f"- Files that may be read: {_scope(policy.files.read)}"
    yield f"- Files that may be written: {_scope(policy.files.write)}"
    yield f"- Hosts: {_scope(policy.network.hosts)}"
    yield ""
    yield "## What may evolve"
    yield ""
    if policy.evolve is None:
        yield "No rules are written: prompts may, anything else asks a person."
        yield ""
    for rule in policy.evolve_rules:
        yield f"- {_evolves(rule)}"
    if not policy.evolve_rules:
        yield "- Nothing."
    yield "- What no rule names cannot evolve. A new capability or a looser limit asks a person."
    yield "- Never: this policy, the gate, budgets, the audit log, a resource's own marker."
    yield ""
    yield "## Code that no person wrote or approved"
    yield ""
    box = policy.sandbox
    yield f"- It runs in a sandbox that is at least {box.least}."
    yield f"- Packages it may import: {', '.join(box.packages) or 'none'}."
    yield ""
    yield "## Budget"
    yield ""
    yield f"- All work together: {_limits(policy.budget.all_)}"
    for name, limits in policy.budget.agents.items():
        yield f"- The agent {name}: {_limits(limits)}"


def _rules(rules: Rules) -> Iterator[str]:
    for kind in _KINDS:
        if texts := getattr(rules, kind):
            yield f"- {_WORDS[kind]}: {', '.join(f'`{text}`' for text in texts)}"


def _scope(globs: tuple[str, ...] | None) -> str:
    if globs is None:
        return "not limited by this policy."
    return ", ".join(f"`{glob}`" for glob in globs) + "." if globs else "none."


def _evolves(rule: EvolveRule) -> str:
    what = ", ".join(f"`{glob}`" for glob in rule.resource)
    field = "" if rule.field == "*" else f", field `{rule.field}`"
    kinds = ", ".join(rule.changes)
    if rule.verdict == "deny":
        return f"{_WORDS['deny']}: {what}{field} ({kinds})"
    bounds = [
        f"at most {rule.growth:,} characters more" if rule.growth is not None else "",
        f"at most {rule.size:,} characters" if rule.size is not None else "",
        "no new capability" if rule.capabilities == "deny" else "",
    ]
    limits = "".join(f"; {bound}" for bound in bounds if bound)
    return f"{_WORDS[rule.verdict]}: {what}{field} ({kinds}{limits})"


def _limits(limits: BudgetLimits) -> str:
    given = limits.model_dump(exclude_none=True)
    if not given:
        return "no limit."
    return ", ".join(f"{value:,} {name}" for name, value in given.items()) + "."


def _few(items: Iterable[str]) -> str:
    names = list(items)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
