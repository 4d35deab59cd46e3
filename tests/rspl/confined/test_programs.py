"""Programs that confined code asks for: its own work, bounded like it."""

from __future__ import annotations

from typing import Any

import pytest

from agp.processes import Limits
from agp.rspl.confined.calls import guest_call
from agp.rspl.confined.programs import Programs
from tests.support.untrusted import tool

ASKED: dict[str, Any] = {
    "entry": "main.py",
    "arguments": [],
    "stdin": "",
    "limits": {"wall_s": 30.0},
}


async def test_programs_of_one_call_have_one_time_together() -> None:
    programs = Programs(2.0)
    quick = await programs.run({**ASKED, "files": {"main.py": "print(1)"}})
    assert quick["outcome"] == "ok"
    slow = await programs.run({**ASKED, "files": {"main.py": "import time; time.sleep(60)"}})
    assert slow["outcome"] == "timeout"
    with pytest.raises(ValueError, match="2 seconds in all"):
        await programs.run({**ASKED, "files": {"main.py": "print(1)"}})


async def test_what_is_no_program_is_refused_in_words() -> None:
    programs = Programs(30.0)
    with pytest.raises(ValueError, match="no program"):
        await programs.run({**ASKED, "files": {}, "more": 1})
    with pytest.raises(ValueError, match="wall_s"):
        await programs.run({**ASKED, "files": {"main.py": ""}, "limits": {"wall_s": -1}})


async def test_code_that_only_waits_for_its_programs_comes_to_an_end() -> None:
    code = """
from agp.runtime.process import Limits, run_python

async def it(x: str):
    for _ in range(3):
        await run_python("import time; time.sleep(60)", limits=Limits(wall_s=30))
    return "it went on"
"""
    call = {"given": {"x": "a"}, "injected": {}}
    with pytest.raises(ValueError, match="2 seconds in all"):
        await guest_call(tool(code), "call", call, limits=Limits(wall_s=2.0))
