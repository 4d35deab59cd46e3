"""From what was watched and what was told to what a confined run left behind."""

from __future__ import annotations

import signal

from agp.processes import ProcessResult
from agp.sandbox.interface import Confined, Strength
from agp.sandbox.pipe import Told

BROKEN = "agp: it could not be confined, and did not run: "
"""What a program's process says on standard error instead of running unconfined."""


def of_program(result: ProcessResult, backend: str, strength: Strength) -> Confined:
    """A program's result."""
    outcome, error = result.outcome, ""
    if outcome == "error":
        lines = result.stderr.strip().splitlines()
        error = lines[-1] if lines else _ended(result.exit_code)
    return Confined(
        outcome="lost" if result.stderr.startswith(BROKEN) else outcome,
        error=error,
        stdout=result.stdout,
        stderr=result.stderr,
        exit_code=result.exit_code,
        duration_s=result.duration_s,
        backend=backend,
        strength=strength,
    )


def of_call(told: Told | None, result: ProcessResult, backend: str, strength: Strength) -> Confined:
    """A call's result: limits first, then its own word; with neither it is lost."""
    if result.outcome not in ("ok", "error"):
        about = Told(result.outcome, error=f"It passed a limit: {result.outcome}.")
    else:
        about = told or Told("lost", error=f"It gave no result and {_ended(result.exit_code)}")
    return Confined(
        outcome=about.outcome,
        value=about.value,
        error=about.error,
        stdout=result.stdout,
        stderr=result.stderr,
        exit_code=0 if about.outcome == "ok" else result.exit_code or 1,
        duration_s=result.duration_s,
        backend=backend,
        strength=strength,
    )


def _ended(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}."
    try:
        return f"was ended by {signal.Signals(-exit_code).name}."
    except ValueError:
        return f"was ended by signal {-exit_code}."
