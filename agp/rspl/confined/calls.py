"""The one door from resources to the sandbox: what is demanded of it, and what came of it.

A sandbox that is not as strong as demanded is an error for the caller (SandboxRefused), never a
weaker run. Which backend held a call, and how strongly, is noted for traces and assessments.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import agp
from agp.processes import Limits
from agp.rspl.confined.demands import demands
from agp.rspl.confined.programs import Programs
from agp.rspl.confined.static import imports_of, parse
from agp.rspl.entities import JsonObject, Record
from agp.sandbox import Call, Confined, call
from agp.sandbox.interface import Grant

GUEST = "agp_confined.py"
"""The file that runs the record's code in the sandbox."""

LIMITS = Limits(wall_s=30.0, cpu_s=30, memory_mb=1024, output_bytes=1_000_000)
LONG = Limits(wall_s=3600.0, cpu_s=120, memory_mb=1024, output_bytes=1_000_000)
"""For policies, whose time is spent waiting for models and tools."""

_HERE = "agp.rspl.confined.guest"
_SHIMS = {
    "agp/__init__.py": "top.py",
    "agp/errors.py": "",
    "agp/runtime/__init__.py": "runtime.py",
    "agp/runtime/types.py": "runtime_names.py",
    "agp/runtime/agent_run.py": "runtime_names.py",
    "agp/runtime/toolbox.py": "runtime_names.py",
    "agp/runtime/process.py": "process.py",
    "agp/rspl/__init__.py": None,
    "agp/rspl/entities.py": "entities.py",
    "agp/rspl/bounded.py": "",
    "agp/rspl/recall.py": "",
    "agp/rspl/kinds/__init__.py": None,
    "agp/rspl/kinds/actions.py": "actions.py",
    "agp/evaluation/__init__.py": None,
    "agp/evaluation/answers.py": "",
}
"""What the code finds under agp's names: a file of the guest, "" agp's own, None an empty one."""


class ConfinedFailure(Exception):
    """Confined code failed: it raised, met a limit, or gave back what it may not."""


async def guest_call(
    record: Record,
    function: str,
    arguments: JsonObject,
    grants: Mapping[str, Grant] | None = None,
    limits: Limits = LIMITS,
) -> Any:
    """Call a function of the guest with the record's files about it; what it replied.

    Raises ValueError with what the code says is wrong with its input, ConfinedFailure where it
    fails otherwise, SandboxRefused where nothing holds it strongly enough, and what a grant
    raised.
    """
    file, _, name = record.implementation.entry.partition(":")
    around = _around(record)
    granted = {"run_program": Programs(limits.wall_s).run} if len(around) > 1 else {}
    done = await call(
        Call(
            files={**record.implementation.files, **around},
            entry=f"{GUEST}:{function}",
            arguments={"file": file, "name": name, **arguments},
            grants={**granted, **(grants or {})},
            packages=demands().packages,
        ),
        limits,
        least=demands().least,
    )
    if done.outcome != "ok":
        raise ConfinedFailure(told(done, limits))
    reply = _object(done.value)
    if "fault" in reply:
        raise ValueError(str(reply["fault"]))
    return reply


def told(done: Confined, limits: Limits) -> str:
    """What went wrong with a confined run, in words for a model."""
    ends = {
        "timeout": f"Stopped: it ran longer than {limits.wall_s:g} seconds.",
        "memory": f"Stopped: it needed more than {limits.memory_mb} MiB of memory.",
        "output_limit": f"Stopped: it printed or returned more than {limits.output_bytes} bytes.",
        "process_limit": f"Stopped: it started more than {limits.processes} processes.",
        "lost": "Its process went away without a result.",
    }
    return ends.get(done.outcome) or done.error or f"It ended with {done.outcome}."


def _object(value: Any) -> JsonObject:
    if not isinstance(value, dict):
        raise ConfinedFailure("What it gave back is not what the sandbox asked for.")
    return cast("JsonObject", value)


def _around(record: Record) -> dict[str, str]:
    """The guest, and agp's names where the code of the record asks for them."""
    asked: set[str] = set()
    for name, text in record.implementation.files.items():
        if name.endswith(".py"):
            asked |= imports_of(parse(text, f"{record.id}/{name}"))
    return {GUEST: _text("main.py"), **(shims() if "agp" in asked else {})}


@lru_cache(maxsize=1)
def shims() -> Mapping[str, str]:
    """What confined code finds when it imports agp, by path."""
    root = Path(str(agp.__file__)).parent.parent
    found: dict[str, str] = {}
    for path, source in _SHIMS.items():
        own = (root / path).read_text(encoding="utf-8") if source == "" else ""
        found[path] = _text(source) if source else own
    return found


@lru_cache
def _text(name: str) -> str:
    return files(_HERE).joinpath(name).read_text(encoding="utf-8")
