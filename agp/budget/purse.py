"""What a run holds of one budget: enough to begin calls without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from agp.budget.accounts import LEASE_S, Grant, Want
from agp.budget.amounts import Amounts, Budget


@dataclass
class Purse:
    """A run's part of one scope.

    Parameters: ``limits`` of the scope, as far as known; ``granted`` what ``used`` and ``held``
    may come to together before the account is asked; ``room`` what the account had left beside
    that; ``timed`` whether the run's wall time counts
    in this scope, and then ``since`` the moment up to which it is settled and ``until`` the one it
    is granted to.
    """

    scope: str
    limits: Budget
    granted: Amounts = field(default_factory=Amounts)
    used: Amounts = field(default_factory=Amounts)
    held: Amounts = field(default_factory=Amounts)
    room: Amounts = field(default_factory=Amounts)
    timed: bool = False
    since: float = 0.0
    until: float = 0.0
    last: bool = False
    """Whether the wall time that is granted is all there is."""

    def lacks(self, need: Amounts) -> str | None:
        """The first limited amount that a need exceeds; wall time is watched by the clock."""
        return self._first(need, self.granted)

    def hopeless(self, need: Amounts) -> bool:
        """Whether the account would refuse a need, by what it had left when it was last asked."""
        return self._first(need, self.granted + self.room) is not None

    def _first(self, need: Amounts, have: Amounts) -> str | None:
        taken = self.used + self.held + need
        for name in self.limits.limits():
            short = getattr(taken, name) > getattr(have, name)
            if name != "seconds" and getattr(need, name) and short:
                return name
        return None

    def hold(self, need: Amounts) -> None:
        """Set aside."""
        self.held += need

    def settle(self, need: Amounts, actual: Amounts) -> None:
        """What was set aside has come to this."""
        self.held -= need
        self.used += actual

    def want(self, need: Amounts, now: float) -> Want:
        """What to ask the account for; settles the wall time up to ``now`` (a monotonic clock)."""
        used = self.used
        if self.timed:
            used += Amounts(seconds=max(0.0, now - self.since))
        spare = self.granted - self.used - self.held
        return Want(self.scope, self.limits, used, self.held, need, self.timed, spare)

    def take(self, want: Want, grant: Grant, now: float) -> None:
        """What the account said to ``want``, which was asked at ``now``."""
        self.used -= replace(want.used, seconds=0.0)
        self.limits = grant.limits
        self.granted, self.room = grant.granted, grant.room
        if self.timed:
            lease = grant.granted.seconds
            self.since = now
            self.until = now + lease if grant.limits.seconds is not None else float("inf")
            self.last = lease < LEASE_S
