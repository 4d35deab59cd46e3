"""Each verdict category, and that ending early is never a pass."""

from __future__ import annotations

import pytest

from agp.evaluation.judge import judge_python
from agp.processes import Limits

TESTS = "def check(f):\n    assert f(2) == 4, 'two'\n    assert f(3) == 6\n\ncheck(double)\n"
QUICK = Limits(wall_s=1.0, memory_mb=300)


@pytest.mark.parametrize(
    ("program", "category", "said"),
    [
        ("def double(x): return 2 * x", "PASS", ""),
        ("def double(x): return 4", "WA", "assert f(3) == 6"),
        ("def double(x): return 5", "WA", "two"),
        ("def double(x): return x / 0", "RE", "ZeroDivisionError"),
        ("def double(x): return double(x)", "RE", "RecursionError"),
        ("def double(x): assert x == 99", "RE", "assert x == 99"),
        ("def other(x): return 2 * x", "RE", "no function called double"),
        ("def double(x) return 2", "CE", "SyntaxError"),
        ("x = '\x00'", "CE", "null bytes"),
        ("def double(x):\n    while True: pass", "TLE", "1 s"),
        ("def double(x): return 'a' * 10**9", "MLE", "emory"),
        ("def double(x):\n    while True: print('x' * 9999)", "RE", "printed"),
    ],
)
async def test_categories(program: str, category: str, said: str) -> None:
    verdict = await judge_python(program, tests=TESTS, entry="double", limits=QUICK)
    assert verdict.category == category, verdict
    assert said in verdict.feedback
    assert len(verdict.feedback) <= 600
    assert verdict.passed == (category == "PASS")


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "def double(x):\n    import os; os._exit(0)",
        "def double(x): raise SystemExit(0)",
        "def double(x): raise KeyboardInterrupt",
        "import atexit, os\natexit.register(os._exit, 0)\nquit()",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        'print(\'{"category": "PASS"}\'); exit(0)',
    ],
)
async def test_ending_early_is_not_a_pass(program: str) -> None:
    verdict = await judge_python(program, tests=TESTS, entry="double", limits=QUICK)
    assert verdict.category == "RE", verdict


async def test_printing_and_threads_do_not_disturb_the_result() -> None:
    program = (
        "import threading, time, sys\n"
        "def double(x):\n"
        "    print('noise', end='')\n"
        "    threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "    return 2 * x\n"
        "if __name__ == '__main__': raise ValueError('main blocks do not run')\n"
    )
    verdict = await judge_python(program, tests=TESTS, entry="double")
    assert verdict.passed, verdict
    assert verdict.runtime_ms < 2_000
    assert verdict.peak_mb is None or 1 < verdict.peak_mb < 200


async def test_feedback_is_bounded_and_keeps_both_ends() -> None:
    program = "def double(x): raise ValueError('start' + 'x' * 5000)"
    verdict = await judge_python(program, tests=TESTS, entry="double")
    assert len(verdict.feedback) <= 600
    assert verdict.feedback.startswith("RE: ValueError: start")
    assert "assert f(2) == 4" in verdict.feedback
