"""What a forked process does with what was open: nothing that disturbs the one it came from.

Fork outside of transactions; a transaction that is open belongs to the process that began it.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Something that holds connections."""

    def forked(self) -> None:
        """Called in the new process, before anything else runs there."""


_open: weakref.WeakSet[Forkable] = weakref.WeakSet()


def after_fork(holder: Forkable) -> None:
    """Have ``holder.forked`` called in every process forked from this one, while it exists."""
    _open.add(holder)


def _forked() -> None:
    for holder in list(_open):
        holder.forked()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forked)
