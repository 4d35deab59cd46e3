"""The policy enforced: for one run, by one mode, with one person to ask, and audited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agp.canonical import digest
from agp.errors import InputError
from agp.permissions.asking import Asker, Question, Reply
from agp.permissions.decisions import (
    ActionRequest,
    ChangeRequest,
    Decision,
    Mode,
    in_mode,
)
from agp.permissions.judging import judge_call, judge_change
from agp.permissions.policy import Policy, Rules
from agp.permissions.record import note
from agp.permissions.scopes import Ground, file_denied, host_denied
from agp.permissions.showing import shown
from agp.rspl.entities import JsonObject, Record
from agp.rspl.kinds import KINDS
from agp.store.database import Database

_NOBODY = "nobody to ask"


class Denied(ValueError):
    """A call that was not made, in words for a model; ``decision`` says by which rule."""

    def __init__(self, message: str, decision: Decision) -> None:
        super().__init__(message)
        self.decision = decision


@dataclass
class Permissions:
    """What a run may do.

    Parameters: ``policy`` the rules; ``override`` the mode that the person who started the run
    asked for, None for the policy's; ``asker`` whom to ask, None for nobody; ``database`` where
    denials and answers are audited (None: nowhere); ``run`` the run's id; ``ground`` the project's
    folder and store; ``tell`` is told, once each, what the person should know.
    """

    policy: Policy = field(default_factory=Policy)
    override: Mode | None = None
    asker: Asker | None = None
    database: Database | None = None
    run: str = ""
    ground: Ground = field(default_factory=Ground)
    tell: Callable[[str], None] | None = None
    notes: list[str] = field(default_factory=list[str])
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _answers: dict[str, bool] = field(default_factory=dict[str, bool])
    _audited: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    @property
    def mode(self) -> Mode:
        """The mode in force."""
        return self.override or self.policy.mode

    def call(self, request: ActionRequest) -> Decision:
        """Whether an agent may make a call: allow, ask or deny. Asks nobody, records nothing."""
        policy = self.policy
        if self.mode is Mode.LOCKED and policy.tools is None:  # nothing is allowed unsaid
            policy = policy.model_copy(update={"tools": Rules()})
        return in_mode(self.mode, judge_call(policy, request, self.ground))

    def change(self, request: ChangeRequest) -> Decision:
        """Whether a field may be changed so: allow, ask (before the commit) or deny.

        Mode plan lets changes be proposed and assessed: what it refuses is the commit.
        """
        judged = judge_change(self.policy, request)
        if self.mode is Mode.LOCKED and judged.verdict != "deny":
            return Decision("deny", "mode locked", "nothing changes in mode locked")
        return in_mode(self.mode, judged)

    def file(self, path: str, *, write: bool = False) -> Decision:
        """Whether confined code may be given a file (read it, or write it)."""
        denied = file_denied(self.policy, self.ground, path, write=write)
        return denied or Decision("allow", "[files]", f"{path} is inside")

    def host(self, host: str) -> Decision:
        """Whether confined code may be given a host. Without ``[network] hosts``, none."""
        if self.policy.network.hosts is None:
            return Decision("deny", "[network] hosts", "no host is named in the policy")
        denied = host_denied(self.policy, host)
        return denied or Decision("allow", "[network] hosts", f"{host} is inside")

    async def demand(self, request: ActionRequest) -> Decision:
        """Make sure that a call may be made, asking a person where the policy says so.

        Returns the decision that allows it. Raises Denied; StoreError where it cannot be audited.
        """
        decision = self.call(request)
        if decision.verdict == "ask":
            details = _details(request)
            question = Question(
                "call", request.agent_chain, request.name, decision.rule, decision.reason, details
            )
            once = digest(
                [
                    request.agent_chain,
                    request.resource,
                    request.action,
                    shown(request.arguments, longest=0),
                ]
            )
            always = digest([request.agent_chain[-1:], request.name, decision.rule])
            refusal = await self._asked(question, once, always)
            if not refusal:
                return decision
            decision = Decision("deny", decision.rule, f"{decision.reason}: {refusal}")
        if decision.verdict == "deny":
            self._denied(request.agent_chain, request.name, decision)
            raise Denied(f"Not permitted: {decision.reason}. Do without it.", decision)
        return decision

    async def approve(
        self, who: str, what: str, decisions: list[Decision], details: tuple[tuple[str, str], ...]
    ) -> str:
        """Why changes that passed the gate may not be committed all the same; empty if they may.

        Parameters: ``who`` proposes; ``what`` changes; ``decisions`` those on each change.
        """
        if not self.mode.commits:
            return f"mode {self.mode}: nothing is committed"
        denied = next((each for each in decisions if each.verdict == "deny"), None)
        if denied:
            self._denied((who,), what, denied)
            return f"envelope: {denied.reason}"
        asking = [each for each in decisions if each.verdict == "ask"]
        if not asking:
            return ""
        first = asking[0]
        reasons = "; ".join(dict.fromkeys(each.reason for each in asking))
        question = Question("change", (who,), what, first.rule, reasons, details)
        key = digest([who, what, [list(each) for each in details]])
        refusal = await self._asked(question, key, key)
        if refusal:
            self._denied((who,), what, Decision("deny", first.rule, f"{reasons}: {refusal}"))
            return f"permission: {reasons}: {refusal}"
        return ""

    def guard(self, chain: tuple[str, ...]) -> Guard:
        """The permissions as the last agent of a chain meets them."""
        return Guard(self, chain)

    def fingerprint(self) -> list[str] | None:
        """What makes a score differ from one that was measured under other permissions.

        None where nothing can be denied that an agent is bound to. Where a person may be asked,
        a score belongs to its run.
        """
        if not self.policy.limits_calls and self.mode not in (Mode.ASK, Mode.LOCKED):
            return None
        asks = self.policy.may_ask and self.mode in (Mode.DEFAULT, Mode.PLAN)
        asked = asks or self.mode is Mode.ASK
        return [self.policy.digest, self.mode.value, self.run if asked else ""]

    def summary(self) -> str:
        """The envelope in one or two lines."""
        from agp.permissions.describe import summary

        return summary(self.policy, self.mode, asked=self.asker is not None)

    async def _asked(self, question: Question, once: str, always: str) -> str:
        """Ask, one question at a time; the reason of a no, empty for a yes."""
        async with self._lock:
            for key in (always, once):
                if (known := self._answers.get(key)) is not None:
                    return "" if known else "a person said no"
            if self.asker is None:
                return _NOBODY
            try:
                reply = await self.asker.ask(question)
            except Exception as error:  # whoever is asked: a failure to answer is no consent
                return f"asking failed ({type(error).__name__}: {error})"
            yes = reply is not Reply.NO
            self._audit("permission", self.asker.name, question, {"answer": reply.value})
            if reply is Reply.ALWAYS:
                self._answers[always] = True
            elif not yes:
                self._answers[once] = False
            return "" if yes else "a person said no"

    def _denied(self, who: tuple[str, ...], what: str, decision: Decision) -> None:
        """Tell the person and the audit log, once for each rule and action."""
        key = (decision.rule, what)
        if key in self._audited:
            return
        self._audited.add(key)
        line = f"{' → '.join(who)} was not permitted {what}: {decision.reason}"
        self.notes.append(line)
        if self.tell is not None:
            self.tell(line)
        question = Question("", who, what, decision.rule, decision.reason)
        self._audit("denial", f"agent {who[-1]}" if who else "agent", question, {})

    def _audit(self, kind: str, actor: str, about: Question, more: JsonObject) -> None:
        if self.database is None or self.database.read_only:
            return
        facts: dict[str, Any] = {
            "run": self.run,
            "who": list(about.who),
            "what": about.what,
            "rule": about.rule,
            "reason": about.reason,
            "mode": self.mode.value,
            "policy": self.policy.digest,
            **more,
        }
        if about.details:
            facts["about"] = digest([list(each) for each in about.details])
        note(self.database, kind, actor, facts)


@dataclass(frozen=True)
class Guard:
    """The permissions of a chain of agents: what a tool box asks before each call."""

    permissions: Permissions
    chain: tuple[str, ...]

    async def demand(
        self, record: Record, instance: Any, action: str, arguments: JsonObject
    ) -> Decision:
        """Make sure that a call may be made, as it is written and as the instance will take it.

        Raises Denied.
        """
        request = ActionRequest.of(self.chain, record, action, arguments)
        if self.permissions.call(request).verdict != "deny":  # else the tool need not read it
            meant = KINDS[record.type].meant(record, instance, action, arguments)
            request = replace(request, meant=meant)
        return await self.permissions.demand(request)


def _details(request: ActionRequest) -> tuple[tuple[str, str], ...]:
    """The arguments for a person, and what the tool will get instead where it converts them."""
    given = {name: shown(value) for name, value in request.arguments.items()}
    meant = {name: shown(value) for name, value in (request.meant or {}).items()}
    taken = ((f"{name}, as it is taken", text) for name, text in meant.items())
    return (
        *given.items(),
        *(each for name, each in zip(meant, taken, strict=True) if meant[name] != given.get(name)),
    )


def read_mode(text: str | Mode | None) -> Mode | None:
    """A mode as a person writes it. Raises InputError."""
    if text is None or isinstance(text, Mode):
        return text
    try:
        return Mode(text)
    except ValueError as error:
        modes = ", ".join(Mode)
        raise InputError(
            f"{text!r} is not a mode of permissions.", hint=f"Modes: {modes}"
        ) from error
