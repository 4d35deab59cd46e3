"""The errors a user of agp can meet: each says what was wrong, where, and what to do.

Only exceptions that cross a room's border belong here. Every one carries an exit code for the
command line: 1 the work failed, 2 bad usage or input.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AgpError(Exception):
    """Base of all errors raised on purpose.

    Parameters: ``message`` says what was wrong and where; ``hint`` says what to do about it.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class InputError(AgpError):
    """Wrong usage or input: nothing was changed."""

    exit_code = 2


class NotFoundError(InputError):
    """Something was named that does not exist; near names are suggested."""

    def __init__(
        self, what: str, name: str, known: Iterable[str] = (), *, hint: str | None = None
    ) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        if near:
            suggestion = "Did you mean " + " or ".join(near) + "?"
        elif known:
            suggestion = "Known: " + ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
        else:
            suggestion = None
        super().__init__(
            f"There is no {what} called {name!r}.",
            hint=" ".join(part for part in (suggestion, hint) if part) or None,
        )
        self.near = near


class DataError(InputError):
    """A dataset is missing, empty, or lacks fields."""


class ResourceError(InputError):
    """A resource's files or record are malformed (file, line and field are in the message)."""


class SecretError(InputError):
    """A secret is written out in something that would be kept for ever: it was not stored."""


class MissingVariableError(ResourceError):
    """A reference ``${env:NAME}`` names a variable that is not set."""


class ServerError(ResourceError):
    """A tool server cannot be reached, or does not do what its record says."""

    exit_code = 1


class UntrustedError(ResourceError):
    """Code that no person wrote or approved was to run outside the sandbox: it did not run."""

    exit_code = 1


class EditError(AgpError):
    """A proposed edit does not fit its variable: it was rejected before anything ran."""


class StoreError(AgpError):
    """The store cannot be opened, read or written."""


class ConflictError(StoreError):
    """A compare-and-swap lost its race: ``expected`` and ``actual`` are the two commits."""

    def __init__(self, branch: str, expected: str | None, actual: str | None) -> None:
        super().__init__(
            f"Branch {branch!r} moved while you worked: you built on commit "
            f"{(expected or 'none')[:12]}, it is now at {(actual or 'none')[:12]}.",
            hint="Read the branch again and re-apply the change.",
        )
        self.branch, self.expected, self.actual = branch, expected, actual


class ModelError(AgpError):
    """A model call failed for good (after retries and fallbacks)."""


class ProposerError(ModelError):
    """The model that proposes changes cannot be understood: resuming would not help."""


class TransientModelError(ModelError):
    """A model call failed in a way that may pass: time-out, rate limit, connection, 5xx."""


class NoReplyError(TransientModelError):
    """A model call was given up before its reply came: what it cost is unknown."""


class BudgetExhausted(AgpError):
    """The next call would exceed a budget: it was not made, everything so far is kept.

    Parameters: ``scope`` whose budget (``run/ID``, ``agent/NAME``, ``global``); ``amount`` of what
    (``calls``, ``tokens``, ``cost_usd``, ``seconds``, ``evaluations``, ``commits``), of which
    ``limit`` were allowed, ``spent`` are gone and ``reserved`` set aside for work under way.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        scope: str = "",
        amount: str = "",
        limit: float | None = None,
        spent: float = 0,
        reserved: float = 0,
    ) -> None:
        super().__init__(message, hint=hint)
        self.scope, self.amount, self.limit = scope, amount, limit
        self.spent, self.reserved = spent, reserved


class Interrupted(AgpError):
    """The user stopped the run; it can be resumed."""

    exit_code = 130


class Stopped(Interrupted):
    """An order stopped every run of the store: ``author`` gave it, for a ``reason``."""

    def __init__(
        self, message: str, *, hint: str | None = None, author: str = "", reason: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.author, self.reason = author, reason
