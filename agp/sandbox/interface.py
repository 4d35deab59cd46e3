"""What every sandbox offers: running a program, or calling a function of given source, confined.

Backends differ in strength, never in meaning. Nothing here knows resources or models: what
confined code may ask of its host is handed in as grants.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal, Protocol

from agp.processes import Limits

JsonObject = dict[str, Any]

Grant = Callable[[JsonObject], Awaitable[Any]]
"""What confined code may ask of its host under a name: plain JSON in, plain JSON out.

It is the host's code that runs: it checks, charges and traces. ValueError is told to the confined
code in words; any other error ends the call and is raised to the caller. While it runs, the clock
of ``wall_s`` stands still (up to `Call.waiting_s` in all), so a grant that does the code's own
work must bound it; it is cancelled when the call ends before it.
"""


class Strength(IntEnum):
    """How much a backend holds back: its order is the order of strength."""

    NONE = 0
    """A separate process with limits: stops accidents, no attack."""
    PARTIAL = 1
    """Some of files, network, processes and signals are closed, not all."""
    STRONG = 2
    """No file, network, process, signal or environment that was not granted."""


Outcome = Literal[
    "ok", "error", "refused", "timeout", "memory", "output_limit", "process_limit", "lost"
]
"""How it ended: ``error`` the code raised or ended badly; ``refused`` the backend cannot run such
code; a limit; ``lost`` the process went away without a result (whatever its exit code)."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """A whole program: its files, which of them to run (``.py`` or ``.sh``), arguments, input."""

    files: Mapping[str, str]
    entry: str
    arguments: Sequence[str] = ()
    stdin: str = ""
    packages: Sequence[str] = ()
    """Installed distributions it may import, beside the standard library."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of a function, or of a method of an object that is made for it.

    ``files`` are Python sources by name, ``entry`` is ``FILE:NAME``. Where ``construct`` is given,
    NAME is a class that is constructed with it, and ``method`` is what is called. ``arguments``
    are keyword arguments, plain JSON. What is returned must be plain JSON too. ``waiting_s`` is
    how many seconds the host may take for all grants together, beyond the time of the code.
    """

    files: Mapping[str, str]
    entry: str
    arguments: JsonObject = field(default_factory=dict[str, Any])
    construct: JsonObject | None = None
    method: str = ""
    grants: Mapping[str, Grant] = field(default_factory=dict[str, Grant])
    packages: Sequence[str] = ()
    waiting_s: float = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Confined:
    """What a confined run left behind.

    ``value`` what a call returned (None for programs); ``error`` what went wrong, in words, with
    the line of the confined code where there is one; ``exit_code`` negative for a signal, 0 for
    calls that ended well; ``backend`` and ``strength`` tell what held it.
    """

    outcome: Outcome
    value: Any = None
    error: str = ""
    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0
    duration_s: float = 0.0
    backend: str
    strength: Strength


class Backend(Protocol):
    """One way to confine. Instances are shared by threads and event loops."""

    name: str

    def probe(self) -> tuple[Strength, str]:
        """How strong it is on this machine, now, and why, in words. Never raises."""
        ...

    async def run(self, program: Program, limits: Limits) -> Confined:
        """Run a program. Cancelling kills it; whatever it does is a result, not an exception."""
        ...

    async def call(self, call: Call, limits: Limits) -> Confined:
        """Call a function. As `run`; raises what a grant raised that was no ValueError."""
        ...
