"""Whole programs in the sandbox: scripts of skills, and what confined code asks to have run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from agp.errors import InputError
from agp.processes import Limits
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


async def run_for_guest(given: JsonObject) -> JsonObject:
    """Run a program that confined code asks for, in a sandbox of its own. Raises ValueError."""
    try:
        asked = _Asked.model_validate(given)
        limits = _bounded(asked.limits)
        done = await run_files(
            asked.files,
            asked.entry,
            asked.arguments,
            stdin=asked.stdin,
            limits=limits,
            packages=demands().packages or None,
            least=demands().least,
        )
    except (ValidationError, TypeError) as error:
        raise ValueError(f"that is no program: {str(error).splitlines()[0]}") from error
    except InputError as error:
        raise ValueError(error.message) from error
    return asdict(done)


def _bounded(asked: Mapping[str, Any]) -> Limits:
    """What is asked for, and of nothing more than the most. Raises TypeError, ValueError."""
    wanted, most = asdict(Limits(**asked)), asdict(MOST)
    return Limits(**{name: min(wanted[name], most[name]) for name in most})
