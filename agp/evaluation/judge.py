"""Judges Python code: runs it with its tests in a limited process and names the verdict.

Verdicts only belong here; how the process is limited is ``agp.runtime.process``.

The harness prints a result frame with a random nonce after the tests have run, so ending the
process early, with any exit code, is never a pass. Candidate, tests and harness share one
interpreter: code that goes looking for the harness (its frames, its files, an ``__eq__`` that
always agrees) could forge a pass. Keeping such code away is for the later confinement.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any, Literal

from agp.runtime.process import Limits, ProcessResult, run_python

Category = Literal["PASS", "WA", "RE", "CE", "TLE", "MLE"]

FEEDBACK_CHARS = 600
JUDGE_LIMITS = Limits(wall_s=10.0, cpu_s=10, memory_mb=1024, output_bytes=2_000_000)

_HARNESS = """
import json, os, sys, time, traceback, types

NONCE, ENTRY = "@NONCE@", @ENTRY@
write, leave, clock, extract = os.write, os._exit, time.perf_counter, traceback.extract_tb
started = clock()


def peak_mb():
    # Not getrusage on Linux: its peak counts the parent from before exec.
    try:
        for line in open("/proc/self/status"):
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass
    try:
        import resource
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
    except ImportError:
        return None


def report(category, message="", frames=()):
    trace = [[frame.filename, frame.lineno, frame.name, frame.line] for frame in frames]
    frame = {"category": category, "message": message[:2000], "trace": trace[-6:],
             "runtime_ms": round((clock() - started) * 1000, 3), "peak_mb": peak_mb()}
    sys.stdout.flush()
    data = ("\\n" + NONCE + json.dumps(frame) + "\\n").encode()
    while data:
        data = data[write(1, data):]
    leave(0)


def load(name):
    with open(name, encoding="utf-8", newline="") as stream:
        return stream.read()


def describe(error):
    return "".join(traceback.format_exception_only(type(error), error)).strip()


def run(name, space):
    try:
        code = compile(load(name), name, "exec")
    except MemoryError:  # what the parser says to deep nesting
        report("CE", "too large or too deeply nested to compile")
    except (SyntaxError, ValueError, RecursionError, OverflowError) as error:
        report("CE", describe(error))
    try:
        exec(code, space)
    except MemoryError as error:
        report("MLE", "MemoryError", extract(error.__traceback__)[1:])
    except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
        report("RE", "the code ended the program: " + describe(error))
    except BaseException as error:
        frames = extract(error.__traceback__)[1:]
        failed = isinstance(error, AssertionError) and frames and frames[-1].filename == "tests.py"
        report("WA" if failed else "RE", describe(error), frames)


sys.modules["candidate"] = module = types.ModuleType("candidate")
module.__file__ = "candidate.py"
run("candidate.py", module.__dict__)
if ENTRY is not None and not callable(module.__dict__.get(ENTRY)):
    report("RE", "the code defines no function called " + ENTRY)
run("tests.py", module.__dict__)
report("PASS")
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judge's word on one program.

    ``category``: PASS, WA wrong answer, RE runtime error, CE compile error, TLE time limit,
    MLE memory limit. ``feedback``: the failing assertion or the end of the traceback, at most
    600 characters, empty on PASS. ``runtime_ms``: wall time of program and tests without the
    interpreter's start (the whole run's when it was cut off). ``peak_mb``: peak resident MiB,
    None where unknown.
    """

    category: Category
    feedback: str = ""
    runtime_ms: float = 0.0
    peak_mb: float | None = None

    @property
    def passed(self) -> bool:
        return self.category == "PASS"


async def judge_python(
    program: str, *, tests: str, entry: str | None = None, limits: Limits = JUDGE_LIMITS
) -> Verdict:
    """Run ``tests`` after ``program``, in its namespace and in a separate process.

    Parameters: ``program`` the candidate's source; ``tests`` source that raises AssertionError
    for a wrong answer; ``entry`` the name that ``program`` must define as a callable;
    ``limits`` of the process. ``__name__`` is ``candidate``: main blocks do not run. Never
    raises for what the program does; RE also stands for ending early and for printing too much.
    """
    nonce = secrets.token_hex(16)
    harness = _HARNESS.replace("@NONCE@", nonce).replace("@ENTRY@", repr(entry))
    files = {"candidate.py": program, "tests.py": tests}
    result = await run_python(harness, files=files, limits=limits)
    frame = _frame(result.stdout, nonce)
    if frame is None:
        return _without_frame(result, limits)
    category: Category = frame["category"]
    feedback = "" if category == "PASS" else _feedback(category, frame["message"], frame["trace"])
    return Verdict(category, feedback, frame["runtime_ms"], frame["peak_mb"])


def _frame(stdout: str, nonce: str) -> dict[str, Any] | None:
    _, found, rest = stdout.rpartition("\n" + nonce)
    if not found:
        return None
    try:
        return json.loads(rest.partition("\n")[0])
    except ValueError:  # cut off by a limit
        return None


def _without_frame(result: ProcessResult, limits: Limits) -> Verdict:
    """The process ended before the tests did."""
    duration = result.duration_s * 1000
    tail = result.stderr.strip()[-FEEDBACK_CHARS // 2 :]
    match result.outcome:
        case "timeout":
            return Verdict("TLE", f"Time limit of {limits.wall_s:g} s exceeded.", duration)
        case "memory":
            return Verdict("MLE", f"Memory limit of {limits.memory_mb} MiB exceeded.", duration)
        case "output_limit":
            message = f"More than {limits.output_bytes} bytes were printed."
        case "process_limit":
            message = f"More than {limits.processes} processes were started."
        case _:
            message = f"The program ended before the tests did, with exit code {result.exit_code}."
    return Verdict("RE", bounded(f"{message}\n{tail}".strip()), duration)


def _feedback(category: str, message: str, trace: list[tuple[str, int, str, str]]) -> str:
    lines = [f"{category}: {message}"]
    for filename, number, name, line in reversed(trace):
        place = "test" if filename == "tests.py" else filename
        lines.append(f"  at {place} line {number}, in {name}: {line}")
    return bounded("\n".join(lines))


def bounded(text: str, limit: int = FEEDBACK_CHARS) -> str:
    """``text`` in at most ``limit`` characters: the middle is left out, both ends say most."""
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]}\n...\n{text[-half:]}"
