"""What is asked of the policy, what it answers, and what a mode makes of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, cast

from agp.rspl import trusted
from agp.rspl.entities import JsonObject, Record
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.base import function_name

Verdict = Literal["allow", "ask", "deny"]


class Mode(StrEnum):
    """How the rules are applied."""

    PLAN = "plan"
    DEFAULT = "default"
    ASK = "ask"
    AUTO = "auto"
    DONT_ASK = "dontAsk"
    LOCKED = "locked"

    @property
    def commits(self) -> bool:
        """Whether anything that was evolved or remembered may go live."""
        return self not in (Mode.PLAN, Mode.LOCKED)


MEANING = {
    Mode.PLAN: "changes are proposed and assessed, nothing is committed",
    Mode.DEFAULT: "the rules as they are written; what asks, asks a person",
    Mode.ASK: "everything that is not denied asks a person",
    Mode.AUTO: "what asks is allowed, except new capabilities and looser limits, which still ask",
    Mode.DONT_ASK: "what asks is denied: nobody is asked",
    Mode.LOCKED: "nothing changes, and only calls that the file explicitly allows are made",
}


@dataclass(frozen=True)
class Decision:
    """A verdict, the rule that gave it, and the reason in words.

    ``rule`` is the rule as it is written, with its place (``[tools] deny "python"``), or what is
    built in. ``person`` is whether only a person may say yes, in any mode.
    """

    verdict: Verdict
    rule: str
    reason: str
    person: bool = False


@dataclass(frozen=True)
class ActionRequest:
    """A call that an agent is about to make.

    ``agent_chain`` names the agents, the first one that was started, the last one that acts;
    ``resource`` is ``type/name``; ``sort`` is ``mcp`` or ``skill`` where it is one;
    ``other_names`` what else it is known by; ``urls`` the addresses it leads to by itself;
    ``meant`` the arguments as the action will get them, where it converts them (None: it does not);
    ``reaches_disk`` False for what works on nothing but its own state or other agents.
    """

    agent_chain: tuple[str, ...]
    resource: str
    action: str
    arguments: JsonObject = field(default_factory=dict[str, Any])
    sort: str = ""
    other_names: frozenset[str] = frozenset()
    urls: tuple[str, ...] = ()
    meant: JsonObject | None = None
    reaches_disk: bool = True

    @classmethod
    def of(
        cls, chain: tuple[str, ...], record: Record, action: str, arguments: Mapping[str, Any]
    ) -> ActionRequest:
        """The request for one of a record's actions; arguments left out have their defaults.

        A copy of a tool under another name is still known by the function that it runs.
        """
        code, url = record.implementation, record.params.get("url")
        known = {function_name(record.name, action)}
        if code.kind in ("source", "import") and record.type.value == "tool":
            known.add(code.entry.rpartition(":")[2])
        return cls(
            chain,
            str(record.id),
            action,
            {**_defaults(record, action), **arguments},
            sort=code.kind if code.kind in ("mcp", "skill") else "",
            other_names=frozenset(known),
            urls=(url,) if code.kind == "mcp" and isinstance(url, str) else (),
            reaches_disk=record.type.value == "tool" or not _on_state_only(record),
        )

    @property
    def readings(self) -> tuple[JsonObject, ...]:
        """The arguments as they are given, and as they are meant: both are this one call."""
        return (self.arguments,) if self.meant is None else (self.arguments, self.meant)

    @property
    def name(self) -> str:
        """The resource and its action in short: ``python``, ``workspace.write``."""
        own = self.resource.partition("/")[2]
        return own if self.action == own else f"{own}.{self.action}"


def _on_state_only(record: Record) -> bool:
    """Agents, and the memories and environments that are part of agp: they keep no files."""
    return record.type.value == "agent" or trusted.is_shipped(record.implementation.digest)


@dataclass(frozen=True)
class ChangeRequest:
    """A change of one field of a resource.

    ``kind`` is ``insert``, ``patch``, ``replace``, ``create`` or ``delete``; ``size`` the
    characters afterwards, ``growth`` how many more than before; ``capabilities`` what the
    resource could do that it could not do before; ``origin`` who proposes it.
    """

    resource: str
    field: str
    kind: str
    size: int = 0
    growth: int = 0
    capabilities: tuple[str, ...] = ()
    origin: str = "optimizer"


def in_mode(mode: Mode, decision: Decision) -> Decision:
    """What a mode makes of what the rules say; it never allows what they deny."""
    verdict, reason = decision.verdict, decision.reason
    if verdict == "deny":
        return decision
    if mode is Mode.ASK and verdict == "allow":
        return replace(decision, verdict="ask", reason=f"mode ask: {reason}")
    if mode in (Mode.LOCKED, Mode.DONT_ASK) and verdict == "ask":
        return replace(decision, verdict="deny", reason=f"mode {mode}: {reason}")
    if mode is Mode.AUTO and verdict == "ask" and not decision.person:
        return replace(decision, verdict="allow", reason=f"mode auto: {reason}")
    return decision


def _defaults(record: Record, action: str) -> JsonObject:
    """What an action takes for arguments that are left out, as its schema says."""
    actions = {each.name: each for each in KINDS[record.type].actions(record)}
    properties: Any = actions[action].parameters.get("properties") if action in actions else None
    if not isinstance(properties, Mapping):
        return {}
    described = cast("Mapping[str, Any]", properties)
    return {
        name: cast("Mapping[str, Any]", each)["default"]
        for name, each in described.items()
        if isinstance(each, Mapping) and "default" in each
    }
