"""Runs code that is not trusted, confined: no file, network, process or signal not granted.

Backends and the choice among them belong here, whole programs and single calls. Nothing here knows
of resources, models or permissions: what confined code may ask of its host is handed in as grants.
"""

from agp.processes import Limits, Outcome, ProcessResult
from agp.sandbox.choose import (
    UNSAFE,
    Probed,
    SandboxRefused,
    allow_unsafe,
    available,
    backend,
    call,
    probe,
    run_program,
    unsafe_allowed,
)
from agp.sandbox.interface import Backend, Call, Confined, Grant, JsonObject, Program, Strength
from agp.sandbox.programs import run_files, run_python

__all__ = [
    "UNSAFE",
    "Backend",
    "Call",
    "Confined",
    "Grant",
    "JsonObject",
    "Limits",
    "Outcome",
    "Probed",
    "ProcessResult",
    "Program",
    "SandboxRefused",
    "Strength",
    "allow_unsafe",
    "available",
    "backend",
    "call",
    "probe",
    "run_files",
    "run_program",
    "run_python",
    "unsafe_allowed",
]
