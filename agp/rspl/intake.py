"""What folders declare that a branch has not seen yet, ready to be committed.

A record is completed here once, when its files are new: a server is asked for its tools. One that
does not answer leaves its resource out, and what is bound to it, but nothing else. So does a file
in which a secret is written out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agp.errors import SecretError, ServerError
from agp.rspl.discovery import discover
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds import KINDS
from agp.rspl.origins import PERSON
from agp.secrets import refuse


@dataclass(frozen=True)
class New:
    """What to commit, what the changed refs were, and as what digests the files were read."""

    changes: Mapping[ResourceId, Record]
    base: Mapping[ResourceId, str | None]
    read: Mapping[ResourceId, str]


class Intake:
    """Takes in what folders declare, for one branch; may be asked again after a lost race."""

    def __init__(self, history: History, branch: str, roots: Sequence[Path]) -> None:
        self._history, self._branch = history, branch
        self._found = discover(roots, lambda record: history.origins.meet([record], PERSON))
        self._completed: dict[str, Record] = {}
        self.unavailable: dict[ResourceId, str] = {}
        """What was left out, and why."""

    def new(self) -> New:
        """What the branch has not seen yet.

        A resource that is live without ever having been read here (an import) counts as seen
        where its history holds the very content of the file.
        """
        seen = self._history.sources(self._branch)
        new = {rid: r for rid, r in self._found.items() if seen.get(rid) != r.digest}
        base = {rid: self._history.live(self._branch, rid) for rid in new}
        known = {rid for rid in new if rid not in seen and base[rid] and self._is_known(new[rid])}
        changes = self._complete({rid: r for rid, r in new.items() if rid not in known}, base)
        read = {rid: new[rid].digest for rid in (*changes, *known)}
        return New(changes, {rid: base[rid] for rid in changes}, read)

    def _is_known(self, record: Record) -> bool:
        return self._history.version_of(record.digest) is not None

    def _complete(
        self, new: Mapping[ResourceId, Record], base: Mapping[ResourceId, str | None]
    ) -> dict[ResourceId, Record]:
        changes: dict[ResourceId, Record] = {}
        for rid, record in new.items():
            try:
                if record.digest not in self._completed:
                    refuse(record.body(), str(rid))
                    self._completed[record.digest] = KINDS[rid.type].complete(record)
                changes[rid] = self._completed[record.digest]
            except (ServerError, SecretError) as error:
                self.unavailable[rid] = error.message
        gone = {rid for rid in self.unavailable if base.get(rid) is None}
        for rid, record in list(changes.items()):
            if missing := gone.intersection(KINDS[rid.type].dependencies(record)):
                self.unavailable[rid] = f"it uses {min(missing)}, which is left out"
                del changes[rid]
        return changes
