"""The envelope: what of an agent may evolve in this run, and what may be committed of it.

The policy draws it; a run may open parts of it that are closed by default (``--evolve 'tool/*'``)
but never what the policy closes. The policy, the gate, budgets and the audit log are no resources,
so no variable leads to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from agp.errors import EditError, InputError
from agp.permissions import ChangeRequest, Decision, Permissions
from agp.permissions.changes import changes_between
from agp.permissions.patterns import fits
from agp.permissions.showing import shown
from agp.rspl.entities import EntityType, Record
from agp.rspl.kinds.agent import BINDINGS
from agp.rspl.kinds.base import Part
from agp.rspl.lineage.diff import diff_records
from agp.rspl.view import View

_KINDS = ("insert", "patch", "replace")
CREATABLE = (EntityType.TOOL, EntityType.AGENT, EntityType.PROMPT)
"""The types of which new resources can be made."""


@dataclass(frozen=True)
class Envelope:
    """What may change.

    Parameters: ``permissions`` those of the run; ``opened`` what the run asks for beside what its
    mode opens: globs ``TYPE/NAME`` or ``TYPE/NAME:FIELD``, and ``TYPE/+`` (or ``TYPE/PREFIX+``)
    for new resources of a type, whose names begin so.
    """

    permissions: Permissions = field(default_factory=Permissions)
    opened: Sequence[str] = ()

    def learnable(self, record: Record, part: Part, types: frozenset[EntityType]) -> bool:
        """Whether a part may evolve in some way in this run.

        Parameters: ``types`` those whose learnable parts are open without being asked for.
        """
        asked = bool(types) and any(_asks(glob, record, part) for glob in self.opened)
        return (record.type in types or asked) and self.permits(record, part)

    def permits(self, record: Record, part: Part) -> bool:
        """Whether the resource and the policy let a part evolve, should a run ask for it."""
        if not (record.evolvable and part.learnable) or closed(record, part.path):
            return False
        requests = (ChangeRequest(str(record.id), part.path, kind) for kind in _KINDS)
        return any(self.permissions.change(each).verdict != "deny" for each in requests)

    def takes_new(self, record: Record, part: Part, types: frozenset[EntityType]) -> bool:
        """Whether a binding may take in resources that are made in this run."""
        bound = BINDINGS.get(part.path) if record.type is EntityType.AGENT else None
        return (
            bool(types)
            and bound is not None
            and self.prefix(bound) is not None
            and self.permits(record, part)
        )

    def prefix(self, type_: EntityType) -> str | None:
        """What the names of new resources of a type must begin with; None where none may be made.

        Only what the run asks for (``tool/+``) and the policy permits.
        """
        for glob in self.opened:
            kind, slash, name = glob.partition("/")
            if slash and name.endswith("+") and fits(kind, type_.value) and type_ in CREATABLE:
                request = ChangeRequest(f"{type_.value}/{name}", "*", "create")
                if self.permissions.change(request).verdict != "deny":
                    return name[:-1]
        return None

    def demand(
        self, before: Record | None, after: Record, asked_as: EntityType | None = None
    ) -> None:
        """Make sure that a record may become another, or be made (``before`` is None).

        Parameters: ``asked_as`` the type that the run must have opened for a new one, where that
        is not its own (the prompt of a new agent). Raises EditError. What a change would let it
        do is not asked here: a person may permit it before the commit.
        """
        if before is None:
            type_ = asked_as or after.type
            prefix = self.prefix(type_)
            if prefix is None or not after.name.startswith(prefix):
                opened = f"{type_.value}/{prefix or ''}+"
                raise EditError(
                    f"envelope: {after.id} may not be made in this run.",
                    hint=f"New ones need --evolve '{opened}' and a policy that permits it.",
                )
        for change in changes_between(before, after):
            decision = self.permissions.change(replace(change, capabilities=()))
            if decision.verdict == "deny":
                raise EditError(f"envelope: {decision.reason}.")

    def check(self, agent: str, variables: Iterable[str]) -> None:
        """Raises InputError where nothing may change in this mode, or a glob opens nothing."""
        if self.permissions.mode.value == "locked":
            raise InputError(
                "Nothing may change in mode locked, so there is nothing to evolve.",
                hint="Ask for another mode (--permissions plan assesses without committing), or "
                "only refine answers: --mode solution",
            )
        names = list(variables)
        for glob in self.opened:
            whole = glob if ":" in glob else f"{glob}:*"
            new = glob.endswith("+") and any(
                fits(glob.partition("/")[0], each.value) and self.prefix(each) is not None
                for each in CREATABLE
            )
            if not new and not any(fits(whole, name) for name in names):
                raise InputError(
                    f"--evolve {glob!r} opens nothing of {agent} that the policy lets evolve.",
                    hint=f"See what may: agp policy show; agp resources variables {agent}",
                )

    async def refusal(self, who: str, start: View, found: View) -> str:
        """Why what a search found may not be committed; asks a person where the policy asks.

        Empty where it may be. Every change is judged as a whole, from the version it began with.
        """
        requests: list[ChangeRequest] = []
        details: list[tuple[str, str]] = []
        for rid, record in found.overlay.items():
            before = start.record(rid) if rid in start else None
            changes = changes_between(before, record)
            requests += changes
            if gained := next((each.capabilities for each in changes), ()):
                details.append((f"{rid} would gain", ", ".join(gained)))
            details.append((str(rid), shown(diff_records(before, record) if before else "new")))
        decisions: list[Decision] = [self.permissions.change(each) for each in requests]
        what = ", ".join(dict.fromkeys(each.resource for each in requests))
        return await self.permissions.approve(who, what, decisions, tuple(details))


def closed(record: Record, path: str) -> bool:
    """Whether a resource's own metadata closes a field: ``learnable: {GLOB: false}``.

    Metadata can only close: true opens nothing that the run and the policy do not.
    """
    declared: object = record.metadata.get("learnable")
    if not isinstance(declared, Mapping):
        return False
    fields = cast("Mapping[str, object]", declared)
    return any(value is False and fits(str(glob), path) for glob, value in fields.items())


def _asks(glob: str, record: Record, part: Part) -> bool:
    resource, _, path = glob.partition(":")
    return fits(resource, str(record.id)) and fits(path or "*", part.path)
