"""What can be asked to make a resource, and what it is told. `tools.py` and `agents.py` do it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.view import View
from agp.sepl.envelope import Envelope
from agp.sepl.proposers import Brief, Draft
from agp.sepl.proposers.showing import clip
from agp.sepl.reflector import Reflector
from agp.taint import quoted

_WISH = "whatever these tasks need most."


class Maker(Protocol):
    """A strategy of change that makes a resource and binds an agent to it, as one proposal."""

    name: str
    """What the strategy is called: ``create.tool``."""

    about: str
    """What it does, in a sentence, for a model that chooses among strategies."""

    async def draft(self, view: View, brief: Brief, wish: str = "") -> Draft | None:
        """The proposal; None where there is none. ``wish`` says what is missing, if known."""
        ...


@dataclass(frozen=True)
class Means:
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

    def binding(self, field: str, brief: Brief) -> str | None:
        """The variable that binds the agent to what is made; None where it is not open."""
        wanted = f"{self.agent}:{field}"
        return wanted if any(each.id == wanted for each in brief.variables) else None


def free_name(wanted: str, prefix: str, type_: EntityType, view: View) -> str:
    """A resource name that nothing has: as wanted, as far as it can be one."""
    plain = re.sub(r"[^a-z0-9]+", "_", wanted.casefold()).strip("_") or "new"
    plain = plain if plain[0].isalpha() else f"{type_.value}_{plain}"
    name = (plain if plain.startswith(prefix) else f"{prefix}{plain}")[:60].rstrip("_.-")
    number, free = 2, name
    while ResourceId(type_, free) in view:
        number, free = number + 1, f"{name}_{number}"
    return free
