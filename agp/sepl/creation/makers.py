"""What makers of resources share: what they may make, what they tell the model, free names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.view import View
from agp.sepl.envelope import Envelope
from agp.sepl.proposers import Brief
from agp.sepl.proposers.showing import clip
from agp.sepl.reflector import Reflector
from agp.taint import quoted

_WISH = "whatever these tasks need most."


@dataclass(frozen=True)
class Making:
    """What makers work with.

    Parameters: ``reflector`` the model that is asked; ``agent`` the one that evolves, and is bound
    to what is made; ``envelope`` whether anything may be made; ``tasks`` the input of a feedback
    sample by its digest.
    """

    reflector: Reflector
    agent: ResourceId
    envelope: Envelope
    tasks: Mapping[str, str]

    def fields(self, view: View, brief: Brief, wish: str, prefix: str) -> dict[str, str]:
        """The placeholders that all prompts of makers have."""
        shown = next((self.tasks.get(each.sample_digest, "") for each in brief.seen), "")
        names = [ResourceId(EntityType.TOOL, n) for n in view.record(self.agent).params["tools"]]
        tools = [f"- {rid.name}: {view.record(rid).description}" for rid in names]
        return {
            "causes": quoted("\n".join(f"- {cause}" for cause in brief.causes)),
            "example": quoted(clip(shown)),
            "tools": "\n".join(tools) or "none",
            "wish": quoted(clip(wish)) if wish.strip() else _WISH,
            "prefix": prefix,
        }

    def open_for(self, type_: EntityType, field: str, brief: Brief) -> tuple[str, str] | None:
        """What names must begin with, and the variable that binds the agent to what is made.

        None where the run may make nothing of the type, or not bind the agent to it.
        """
        prefix, wanted = self.envelope.prefix(type_), f"{self.agent}:{field}"
        bound = any(each.id == wanted for each in brief.variables)
        return (prefix, wanted) if bound and prefix is not None else None


def free_name(wanted: str, prefix: str, type_: EntityType, view: View) -> str:
    """A resource name that nothing has: as wanted, as far as it can be one."""
    plain = re.sub(r"[^a-z0-9]+", "_", wanted.casefold()).strip("_") or "new"
    plain = plain if plain[0].isalpha() else f"{type_.value}_{plain}"
    name = (plain if plain.startswith(prefix) else f"{prefix}{plain}")[:60].rstrip("_.-")
    number, free = 2, name
    while ResourceId(type_, free) in view:
        number, free = number + 1, f"{name}_{number}"
    return free
