"""The policy of an open project: read once, noted in its store, lent to each of its runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agp.audit.keys import keys_folder
from agp.permissions.asking import Ask, Asker, asker_for
from agp.permissions.decisions import Mode
from agp.permissions.permissions import Permissions, read_mode
from agp.permissions.policy import FILE, Policy
from agp.permissions.reading import parse_policy, policy_text
from agp.permissions.record import note, note_policy
from agp.permissions.scopes import Ground
from agp.store.database import Database


@dataclass(frozen=True)
class InForce:
    """What all runs of an open project have in common.

    ``override`` is the mode that the person who opened it asked for; ``asker`` whom to ask.
    """

    policy: Policy
    override: Mode | None
    asker: Asker | None
    database: Database
    ground: Ground

    @classmethod
    def of(
        cls, folder: Path, database: Database, mode: str | Mode | None, ask: Ask | Asker | None
    ) -> InForce:
        """The policy of a folder; what changed since the store last saw it is audited.

        Raises InputError naming file, line and field.
        """
        text = policy_text(folder)
        policy = parse_policy(text, str(folder / FILE))
        guarded = [str(keys_folder())]
        if database.file is not None:
            guarded.append(str(database.file))
        in_force = cls(
            policy, read_mode(mode), asker_for(ask), database, Ground(folder, tuple(guarded))
        )
        if not database.read_only:
            note_policy(database, policy, text, actor="user")
        return in_force

    def note_mode(self, what: str) -> None:
        """Audit that a task runs in another mode than the policy's: no run's entry says so."""
        if self.override not in (None, self.policy.mode) and not self.database.read_only:
            facts = {"mode": self.override, "policy": self.policy.digest, "what": what}
            note(self.database, "permission_mode", "user", facts)

    def for_run(
        self,
        run: str = "",
        *,
        recorded: Mode | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> Permissions:
        """The permissions of one run.

        Parameters: ``recorded`` the mode that the run was started with, if it goes on; ``tell``
        is told what the person should know.
        """
        mode = self.override or recorded
        return Permissions(
            self.policy, mode, self.asker, self.database, run, self.ground, tell=tell
        )
