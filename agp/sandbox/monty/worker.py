"""One worker process of Monty's, with a session that is ready before a call needs it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontySession, ResourceLimits

GUEST = "agp_guest"
"""The module that asks the host."""

_GRACE_S = 0.5
_STUB = "from typing import Any\ndef ask(name: str, **arguments: Any) -> Any: ...\n"


class Worker:
    """A process of Monty's, and a session that is ready before it is needed."""

    def __init__(self) -> None:
        from pydantic_monty import ExternalModule, Monty

        self.modules = {GUEST: ExternalModule({"ask": _never}, stubs=_STUB)}
        self.alive = True
        self._stack = ExitStack()
        self._ready: tuple[ResourceLimits, MontySession] | None = None
        self._used: MontySession | None = None
        with _STARTING:
            before = _children()
            self._pool: Monty = self._stack.enter_context(
                Monty(min_processes=1, max_processes=1, feed_duration_limit_grace=_GRACE_S)
            )
            with self._pool.checkout():
                pass
            started = _children() - before
        self._pid = started.pop() if len(started) == 1 else 0

    def session(self, resources: ResourceLimits) -> MontySession:
        """A fresh session with these limits, for one call."""
        ready, self._ready = self._ready, None
        if ready is not None and ready[0] != resources:
            ready[1].__exit__(None, None, None)
            ready = None
        self._used = ready[1] if ready else self._open(resources)
        return self._used

    def _open(self, resources: ResourceLimits) -> MontySession:
        session = self._pool.checkout(limits=resources, external_modules=self.modules)
        return session.__enter__()

    def refresh(self, resources: ResourceLimits) -> None:
        """Close the session that was used and have the next one ready, after the result is out.

        A worker that cannot is given up.
        """
        try:
            if self._used is not None:
                used, self._used = self._used, None
                used.__exit__(None, None, None)
            if self.alive:
                self._ready = (resources, self._open(resources))
        except Exception:  # whatever it is, another worker takes its place
            self.alive = False
        if not self.alive:
            self._stack.close()

    def kill(self) -> None:
        """End the process, whatever it is doing (on Linux; elsewhere its limits end it)."""
        self.alive = False
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)


_STARTING = threading.Lock()


def _children() -> set[int]:
    """The processes of Monty's below this one (Linux)."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            for pid in (thread / "children").read_text().split():
                with contextlib.suppress(OSError):
                    if Path(os.readlink(f"/proc/{pid}/exe")).name == "monty":
                        found.add(int(pid))
    return found


def _never(*_: Any, **__: Any) -> None:
    """Stands for a granted function: each call of it is answered by `Run` before it gets here."""
