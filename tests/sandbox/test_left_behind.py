"""What a run leaves on its disk counts, also where it was too fast to be seen writing it."""

from __future__ import annotations

import pytest

from agp.processes import Limits
from agp.processes.watch import Watch
from agp.sandbox import Call, call

SMALL = Limits(file_mb=1)


async def test_a_limit_passed_between_two_looks_still_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Watch, "_too_much", lambda *_: None)  # nobody looks on the way
    code = (
        "def f(n):\n    for i in range(n):\n        open(str(i), 'wb').write(b'x' * (1 << 20))\n"
        "    return 'done'\n"
    )
    files, entry = {"t.py": code}, "t.py:f"
    kept = await call(Call(files=files, entry=entry, arguments={"n": 2}), SMALL, backend="native")
    assert (kept.outcome, kept.value) == ("ok", "done")
    over = await call(Call(files=files, entry=entry, arguments={"n": 9}), SMALL, backend="native")
    assert over.outcome == "output_limit"
    assert over.value is None
