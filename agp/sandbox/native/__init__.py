"""Native Linux confinement: a user of its own, resource limits, Landlock and seccomp.

It needs no namespaces and no rights: it works as root, as an ordinary user and in containers.
The host's side is here; what runs in the confined process is in `inside`, which never imports agp.
"""

from __future__ import annotations

import asyncio
import contextlib

from agp.errors import AgpError
from agp.processes import Limits
from agp.sandbox import results
from agp.sandbox.interface import Call, Confined, Program, Strength
from agp.sandbox.native.forked import call_forked
from agp.sandbox.native.settings import found
from agp.sandbox.native.spawned import run_spawned
from agp.sandbox.native.zygote import Gone, Zygote, Zygotes

_ATTEMPTS = 3


class NativeBackend:
    """The native backend."""

    name = "native"

    def __init__(self) -> None:
        self._zygotes = Zygotes()

    def probe(self) -> tuple[Strength, str]:
        about = found()
        if not (about["landlock"] or about["seccomp"]):
            return Strength.NONE, about["error"] or "neither Landlock nor seccomp"
        parts = [
            f"Landlock {about['landlock']}" if about["landlock"] else "no Landlock",
            "seccomp" if about["seccomp"] else "no seccomp",
        ]
        if about["through"]:
            parts.append("not closed: " + ", ".join(about["through"]))
        strong = about["landlock"] and about["seccomp"] and not about["through"]
        return Strength.STRONG if strong else Strength.PARTIAL, "; ".join(parts)

    async def run(self, program: Program, limits: Limits) -> Confined:
        result = await run_spawned(program, limits)
        return results.of_program(result, self.name, self.probe()[0])

    async def call(self, call: Call, limits: Limits) -> Confined:
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(Gone):
                zygote = await self._zygote(tuple(call.packages))
                told, result = await call_forked(zygote, call, limits)
                return results.of_call(told, result, self.name, self.probe()[0])
        raise AgpError("The sandbox's clean process ends as soon as it is started.")

    async def _zygote(self, packages: tuple[str, ...]) -> Zygote:
        ready = self._zygotes.ready(packages)
        return ready or await asyncio.to_thread(self._zygotes.get, packages)

    def close(self) -> None:
        """End what is kept warm; it starts again when it is needed."""
        self._zygotes.close()
