"""The envelope: what of an agent may evolve in this run, and what may be committed of it.

The policy draws it; a run may open parts of it that are closed by default (``--evolve 'tool/*'``)
but never what the policy closes. The policy, the gate, budgets and the audit log are no resources,
so no variable leads to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agp.errors import EditError, InputError
from agp.permissions import ChangeRequest, Decision, Permissions
from agp.permissions.changes import changes_between, request_for
from agp.permissions.patterns import fits
from agp.permissions.showing import shown
from agp.rspl.entities import EntityType, Record
from agp.rspl.kinds.base import Part
from agp.rspl.lineage.diff import diff_records
from agp.rspl.view import View

_KINDS = ("insert", "patch", "replace")


@dataclass(frozen=True)
class Envelope:
    """What may change.

    Parameters: ``permissions`` those of the run; ``opened`` what the run asks for beside what its
    mode opens, as globs ``TYPE/NAME`` or ``TYPE/NAME:FIELD``.
    """

    permissions: Permissions = field(default_factory=Permissions)
    opened: Sequence[str] = ()

    def learnable(self, record: Record, part: Part, types: frozenset[EntityType]) -> bool:
        """Whether a part may evolve in some way in this run.

        Parameters: ``types`` those whose learnable parts are open without being asked for.
        """
        by_default = record.type in types and part.learnable
        asked = bool(types) and any(_asks(glob, record, part) for glob in self.opened)
        return record.evolvable and (by_default or asked) and self._permits(record, part)

    def demand(self, resource: str, path: str, old: object, new: object) -> None:
        """Make sure that a value may become another. Raises EditError."""
        decision = self.permissions.change(request_for(resource, path, old, new))
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
            if not any(fits(whole, name) for name in names):
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

    def _permits(self, record: Record, part: Part) -> bool:
        requests = (ChangeRequest(str(record.id), part.path, kind) for kind in _KINDS)
        return any(self.permissions.change(each).verdict != "deny" for each in requests)


def _asks(glob: str, record: Record, part: Part) -> bool:
    resource, _, path = glob.partition(":")
    return fits(resource, str(record.id)) and fits(path or "*", part.path)
