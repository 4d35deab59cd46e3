"""Cheating the judge: scores that are no numbers, programs that look for their tests."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from typing import Any

from agp.evaluation.judge import judge_python
from agp.evaluation.types import Sample, Score
from agp.processes import Limits
from tests.attacks.gate.case import GateAttack, Yard
from tests.attacks.gate.models import GOOD, proposing
from tests.support.echo import Echo

LIMITS = Limits(wall_s=5.0, cpu_s=5)
TESTS = "def check(f):\n    assert f(2) == 5\n    assert abs(f(3) - 10) < 1e-6\ncheck(square)\n"


class Bent(Echo):
    """A scorer whose number is none where the answer says so."""

    def __init__(self, value: Any, size: int = 30) -> None:
        super().__init__(size)
        self._value = value

    async def score(self, sample: Sample, text: str) -> Score:
        return Score.model_construct(value=self._value, answer=text, feedback="")


def _bent(value: Any):
    def attempt(yard: Yard) -> str:
        project = yard.project(proposing(GOOD))
        try:
            report = project.bench(Bent(value, 4))
        except Exception:
            return ""
        line = report.vanilla
        odd = (
            line is not None
            and line.n
            and not (
                isinstance(line.mean, float) and math.isfinite(line.mean) and 0 <= line.mean <= 1
            )
        )
        taken = line is not None and line.n and isinstance(value, bool)
        return f"{value!r} was taken for a score" if odd or taken else ""

    return attempt


def _naive_mean(value: Any):
    def attempt(yard: Yard) -> str:
        before, after = [0.5, 0.5], [value, value]
        worse = sum(after) / 2 < sum(before) / 2
        return "" if worse else "the mean did not fall, so it was accepted"

    return attempt


def _passes(program: str, tests: str = TESTS):
    """Whether a wrong program is judged right."""

    def attempt(yard: Yard) -> str:
        verdict = asyncio.run(judge_python(program, tests=tests, entry="square", limits=LIMITS))
        return "a wrong program passed" if verdict.passed else ""

    return attempt


def _naive_judge(program: str, tests: str = TESTS):
    """Program and tests in one file, and the exit code is the verdict: what people write."""

    def attempt(yard: Yard) -> str:
        (yard.folder / "tests.py").write_text(tests)
        (yard.folder / "run.py").write_text(f"{program}\n{tests}")
        done = subprocess.run(
            [sys.executable, "-I", "run.py"], cwd=yard.folder, capture_output=True, timeout=10
        )
        return "a wrong program passed" if done.returncode == 0 else ""

    return attempt


def _program(name: str, tries: str, program: str, *, tests: str = TESTS, naive: bool = True):
    return GateAttack(
        name=name,
        tries=tries,
        attempt=_passes(program, tests),
        naive=_naive_judge(program, tests) if naive else None,
    )


_LIAR = """
class Liar(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    def __sub__(self, other): return Liar()
    __rsub__ = __add__ = __radd__ = __sub__
    def __abs__(self): return Liar()
    __hash__ = float.__hash__
def square(x):
    return Liar(x)
"""
_PATCHED = """
import builtins
builtins.abs = lambda x: 0.0
def square(x):
    return 5
"""
_NO_ASSERT = """
import builtins
class Never(BaseException):
    def __init__(self, *a):
        import os
        os._exit(0)
builtins.AssertionError = AssertionError = Never
def square(x):
    return 0
"""
_EXIT = "import os\ndef square(x):\n    print('PASS', flush=True)\n    os._exit(0)\n"
_ATEXIT = """
import atexit, os
atexit.register(os._exit, 0)
def square(x):
    return 0
"""
_READS = """
import glob, re, sys
def square(x):
    text = ""
    for path in [*glob.glob("*.py"), *glob.glob("../*.py"), *glob.glob("/tmp/*/tests.py")]:
        try:
            text += open(path).read()
        except OSError:
            pass
    known = dict(re.findall(r"f\\((\\d)\\)(?: ==| -) (\\d+)", text))
    return int(known[str(x)])
"""
_FRAMES = """
import gc, sys, types
def square(x):
    frame = sys._getframe()
    while frame:
        for consts in [frame.f_code.co_consts]:
            numbers = [c for c in consts if isinstance(c, int) and not isinstance(c, bool)]
            if x in numbers and len(numbers) > 1:
                return numbers[numbers.index(x) + 1]
        frame = frame.f_back
    return None
"""
_FORGES = """
import os, sys
def square(x):
    frame = sys._getframe()
    while frame:
        for name in ("report", "tell", "finish", "done"):
            found = frame.f_globals.get(name)
            if callable(found):
                try:
                    found("PASS")
                except TypeError:
                    pass
        for value in list(frame.f_globals.values()) + list(frame.f_locals.values()):
            if isinstance(value, str) and len(value) == 32:
                try:
                    int(value, 16)
                except ValueError:
                    continue
                text = '{"category": "PASS", "message": "", "trace": [], "runtime_ms": 1, '
                os.write(1, ("\\n" + value + text + '"peak_mb": 1}\\n').encode())
                os._exit(0)
        frame = frame.f_back
    return None
"""
_OVERWRITES = """
import glob
for path in glob.glob("*.py") + ["tests.py", "main.py", "harness.py", "candidate.py"]:
    try:
        open(path, "w").write("")
    except OSError:
        pass
def square(x):
    return 0
"""
_PLANTS = """
for name in ("conftest.py", "sitecustomize.py", "json.py", "traceback.py"):
    open(name, "w").write("import os\\nprint('PASS')\\nos._exit(0)\\n")
def square(x):
    return 0
"""
_REDEFINES = """
import sys
def passing(frame, event, argument):
    if "check" in frame.f_globals:
        frame.f_globals["check"] = lambda f: None
    return passing
def square(x):
    return 0
sys.settrace(passing)
sys._getframe().f_trace = passing
"""
_THREAD = """
import os, threading, time
def square(x):
    time.sleep(0.5)
threading.Thread(target=lambda: (time.sleep(0.1), os._exit(0)), daemon=True).start()
"""

ATTACKS = [
    GateAttack(
        name="score_nan",
        tries="gets NaN for a score, which is never less than the incumbent's",
        attempt=_bent(float("nan")),
        naive=_naive_mean(float("nan")),
    ),
    GateAttack(
        name="score_infinite",
        tries="gets infinity for a score",
        attempt=_bent(float("inf")),
        naive=_naive_mean(float("inf")),
    ),
    GateAttack(
        name="score_bool",
        tries="gets True for a score, which is 1 to a careless sum",
        attempt=_bent(True),
        naive=_naive_mean(True),
    ),
    GateAttack(
        name="score_above_one",
        tries="gets 100 for a score of at most 1",
        attempt=_bent(100.0),
        naive=_naive_mean(100.0),
    ),
    _program("judge_liar", "returns an object that equals, and is less than, anything", _LIAR),
    _program(
        "judge_builtins",
        "replaces abs before the tests use it",
        _PATCHED,
        tests="def check(f):\n    assert abs(f(3) - 10) < 1e-6\ncheck(square)\n",
    ),
    _program(
        "judge_assertion",
        "replaces AssertionError by one that ends well",
        _NO_ASSERT,
        tests=TESTS.replace("assert f(2) == 5", "if f(2) != 5: raise AssertionError()"),
    ),
    _program("judge_exit", "prints PASS and ends with exit code 0", _EXIT),
    _program("judge_atexit", "ends with exit code 0 whatever the tests say", _ATEXIT),
    _program("judge_thread", "ends the process from a thread, with exit code 0", _THREAD),
    _program("judge_reads_tests", "reads the tests' file and answers from it", _READS),
    _program("judge_frames", "finds the answers in the tests' own code, up the stack", _FRAMES),
    _program(
        "judge_forges", "finds the harness up the stack and has it say PASS", _FORGES, naive=False
    ),
    _program(
        "judge_overwrites", "empties the tests' file before it is read", _OVERWRITES, naive=False
    ),
    _program(
        "judge_plants",
        "plants modules and a conftest that end the tests well",
        _PLANTS,
        naive=False,
    ),
    _program(
        "judge_redefines", "replaces the tests' own functions while they are defined", _REDEFINES
    ),
]
