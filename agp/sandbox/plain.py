"""The unsafe one: a separate process with limits, which stops accidents and no attack.

Only for those who asked for it (``--unsafe-sandbox``), and to compare with.
"""

from __future__ import annotations

from agp.processes import Limits, run_files
from agp.sandbox import results
from agp.sandbox.interface import Call, Confined, Program, Strength
from agp.sandbox.native.spawned import call_spawned


class PlainBackend:
    """The plain subprocess. All installed packages can be imported by programs."""

    name = "plain"

    def probe(self) -> tuple[Strength, str]:
        return Strength.NONE, "a separate process with limits; no boundary"

    async def run(self, program: Program, limits: Limits) -> Confined:
        result = await run_files(
            program.files, program.entry, program.arguments, stdin=program.stdin, limits=limits
        )
        return results.of_program(result, self.name, Strength.NONE)

    async def call(self, call: Call, limits: Limits) -> Confined:
        told, result = await call_spawned(call, limits, confined=False)
        return results.of_call(told, result, self.name, Strength.NONE)
