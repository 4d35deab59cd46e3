"""Trying what no person wrote, confined, before any sample is spent on it.

A tool must pass its own tests; everything else that holds code must be built. What fails says
which call failed, and how.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from agp.processes import Limits
from agp.rspl.confined.calls import ConfinedFailure, guest_call
from agp.rspl.confined.functions import ConfinedFunction
from agp.rspl.entities import EntityType, JsonObject, Record
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.examples import ToolTest, tests_of
from agp.rspl.view import View

LIMITS = Limits(wall_s=10.0, cpu_s=10, memory_mb=512, output_bytes=100_000)
"""Of one trial: one call of a tool, one building of anything else."""

_SHOWN = 300


def untried(view: View, records: Iterable[Record]) -> list[Record]:
    """Those of a candidate's records that must be tried: their code, or what it is built of, is
    not that of the view."""
    found: list[Record] = []
    for record in records:
        before = view.record(record.id) if record.id in view else None
        if record.implementation.kind != "source":
            continue
        same = before is not None and before.implementation == record.implementation
        if record.type is EntityType.TOOL:
            if not same and tests_of(record):
                found.append(record)
        elif not KINDS[record.type].trusts(record) and (
            before is None or not same or before.params != record.params
        ):
            found.append(record)
    return found


async def failure(records: Iterable[Record]) -> str:
    """What goes wrong when records are tried, each in the sandbox; empty if nothing does.

    Raises SandboxRefused where nothing here holds them as strongly as is demanded.
    """
    for record in records:
        if record.type is EntityType.TOOL:
            failed = await _failed_test(record)
        else:
            failed = await _unbuilt(record)
        if failed:
            return failed
    return ""


async def _failed_test(record: Record) -> str:
    function = ConfinedFunction(record, LIMITS)  # whoever wrote it: a trial is always confined
    for test in tests_of(record):
        failed = await _failed_call(function, test)
        if failed:
            given = _json(test.arguments)
            return f"{record.id}: the call {record.name}({given}) {failed}; its test {test.told()}."
    return ""


async def _failed_call(function: ConfinedFunction, test: ToolTest) -> str:
    try:
        result = await function(dict(test.arguments), {})
    except ValueError as error:
        return "" if test.check == "fails" else f"failed ({error!s:.{_SHOWN}})"
    return "" if test.holds(result) else f"gave {_json(result)}"


async def _unbuilt(record: Record) -> str:
    params: JsonObject = record.body()["params"]
    settings = params["policy"] if record.type is EntityType.AGENT else params
    try:
        await guest_call(record, "build", {"params": settings}, limits=LIMITS)
    except (ConfinedFailure, ValueError) as error:
        return f"{record.id} cannot be built: {error!s:.{_SHOWN}}"
    return ""


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
