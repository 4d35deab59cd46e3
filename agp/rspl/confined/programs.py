"""Whole programs in the sandbox: scripts of skills, and what confined code asks to have run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from agp.errors import InputError
from agp.processes import Limits, ProcessResult
from agp.rspl.confined.demands import demands
from agp.rspl.entities import JsonObject
from agp.sandbox import Confined, Program, run_files, run_program

MOST = Limits(wall_s=30.0, cpu_s=30, memory_mb=1024, output_bytes=1_000_000)
"""The most that a program may use which confined code asks for."""


async def run_confined(
    files: Mapping[str, str], entry: str, arguments: Sequence[str], *, stdin: str, limits: Limits
) -> Confined:
    """Run one of the files; as `agp.processes.run_files`, but held by the sandbox.

    Raises SandboxRefused where nothing holds it as strongly as demanded.
    """
    program = Program(
        files=files,
        entry=entry,
        arguments=arguments,
        stdin=stdin,
        packages=demands().packages,
    )
    return await run_program(program, limits, least=demands().least)


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    files: dict[str, str]
    entry: str
    arguments: list[str]
    stdin: str
    limits: dict[str, Any]


class Programs:
    """The programs that one confined call asks for, each in a sandbox of its own.

    They are the code's own work, and its clock stands still meanwhile: all of them together may
    take ``seconds``.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = self._left = seconds

    async def run(self, given: JsonObject) -> JsonObject:
        """Run one: the grant. Raises ValueError for what is none, or when the time is used up."""
        if self._left <= 0:
            raise ValueError(f"the programs of one call may take {self._seconds:g} seconds in all")
        started = time.monotonic()
        try:
            return asdict(await self._run(_Asked.model_validate(given)))
        except (ValidationError, TypeError) as error:
            raise ValueError(f"that is no program: {str(error).splitlines()[0]}") from error
        except InputError as error:
            raise ValueError(error.message) from error
        finally:
            self._left -= time.monotonic() - started

    async def _run(self, asked: _Asked) -> ProcessResult:
        return await run_files(
            asked.files,
            asked.entry,
            asked.arguments,
            stdin=asked.stdin,
            limits=_bounded(asked.limits, self._left),
            packages=demands().packages or None,
            least=demands().least,
        )


def _bounded(asked: Mapping[str, Any], seconds: float) -> Limits:
    """What is asked for, and of nothing more than the most. Raises TypeError, InputError."""
    wanted, most = asdict(Limits(**asked)), asdict(replace(MOST, wall_s=min(MOST.wall_s, seconds)))
    return Limits(**{name: min(wanted[name], most[name]) for name in most})
