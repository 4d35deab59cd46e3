"""Texts as resources: a prompt each, bound to an agent that a function scores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from agp.errors import ConflictError, InputError, NotFoundError
from agp.rspl.commits import Reason
from agp.rspl.entities import EntityType, Implementation, Record, ResourceId, check_name
from agp.rspl.history import MAIN, History
from agp.rspl.origins import PERSON
from agp.rspl.view import View

_PROMPT = Implementation(kind="import", entry="agp.rspl.kinds.prompt:Prompt")
_POLICY = Implementation(kind="import", entry="agp.sepl.functions.policy:ScoredByFunction")


class TextResources:
    """The names and records of some texts.

    Parameters: ``name`` that of the objective; ``seed`` the texts to start from, by component.
    Raises InputError for no texts, or a value that is no text.
    """

    def __init__(self, name: str, seed: Mapping[str, Any]) -> None:
        check_name(name)
        if not seed or not all(isinstance(text, str) for text in seed.values()):
            raise InputError(
                "The seed must be one or more texts by name.",
                hint='For instance {"instructions": "Answer briefly."}',
            )
        self.seed: Mapping[str, str] = dict(seed)
        self.agent = ResourceId(EntityType.AGENT, name)
        self._resource = {
            component: ResourceId(EntityType.PROMPT, f"{name}.{slug}")
            for component, slug in _slugs(seed).items()
        }
        self.names = {f"{rid}:params/system": c for c, rid in self._resource.items()}
        """Variable id → component."""

    def texts(self, view: View) -> dict[str, str]:
        """The texts of a view by component."""
        return {c: view.record(rid).params["system"] for c, rid in self._resource.items()}

    def start(self, history: History, branch: str = MAIN, beside: Iterable[Record] = ()) -> View:
        """The view to start from, the seed committed where it is new; so are records ``beside``.

        Texts that were evolved here stay as they are live, until the seed is another one than
        ever was: then the seed is the next version.
        """
        records = {**self._records(), **{record.id: record for record in beside}}
        while True:
            try:
                return self._started(history, branch, records)
            except ConflictError:  # another run has begun at this very moment
                continue

    def _started(self, history: History, branch: str, records: Mapping[ResourceId, Record]) -> View:
        try:
            live = history.view(branch)
        except NotFoundError:
            if branch != MAIN:
                raise
            live = View({}, history.load)
        known = all(
            rid in live and record.digest in {digest for _, digest in history.versions(rid)}
            for rid, record in records.items()
        )
        if known:
            return live
        reason = Reason("user", "register", f"texts of {self.agent}")
        changed: dict[ResourceId, Record | None] = {
            rid: record for rid, record in records.items() if live.refs.get(rid) != record.digest
        }
        history.commit(branch, changed, reason, expected=live.commit, origin=PERSON)
        return history.view(branch)

    def _records(self) -> dict[ResourceId, Record]:
        prompts = {
            rid: Record(
                type=rid.type,
                name=rid.name,
                description=f"The text {component!r} of {self.agent}.",
                implementation=_PROMPT,
                params={
                    "system": self.seed[component],
                    "template": "{{input}}",
                    "demonstrations": [],
                },
            )
            for component, rid in self._resource.items()
        }
        first, *others = [rid.name for rid in prompts]
        agent = Record(
            type=EntityType.AGENT,
            name=self.agent.name,
            description="Texts that a function scores.",
            implementation=_POLICY,
            params={
                "prompt": first,
                "prompts": others,
                "tools": [],
                "agents": [],
                "memory": "",
                "environment": "",
                "model": "solver",
                "policy": {},
            },
        )
        return {**prompts, self.agent: agent}


def _slugs(names: Mapping[str, Any]) -> dict[str, str]:
    """Component → a legal part of a resource name, all different."""
    made: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "_", str(name).lower()).strip("_") or "text"
        slug, number = plain, 1
        while slug in made.values():
            number += 1
            slug = f"{plain}_{number}"
        made[name] = slug
    return made
