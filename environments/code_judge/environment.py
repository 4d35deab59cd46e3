"""A judge of Python programs; each case is confined, and tests run apart from the program."""

from __future__ import annotations

from typing import Any

from agp.evaluation.judge import bounded, judge_python
from agp.runtime.process import Limits, ProcessResult, run_python

Result = dict[str, Any]

VERDICTS = {
    "PASS": "pass",
    "WA": "wrong answer",
    "RE": "runtime error",
    "CE": "compile error",
    "TLE": "time limit",
    "MLE": "memory limit",
}
LONGEST_SHOWN = 300

# The program is only compiled here, so what this process says is not the program's word.
COMPILE = """
import sys
with open("solution.py", encoding="utf-8", newline="") as stream:
    source = stream.read()
try:
    compile(source, "solution.py", "exec")
except MemoryError:
    sys.exit("too deeply nested to compile")
except (SyntaxError, ValueError, RecursionError, OverflowError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


class Environment:
    """A judge.

    Parameters: ``problems`` name → ``{"tests": [...]}`` or ``{"cases": [{"stdin", "expected"}]}``,
    of which a model is told the verdicts only, unless ``reveal``; ``seconds`` and ``memory_mb``
    bound each case; ``max_cases`` how many one call may have. Raises ValueError for a malformed
    problem.
    """

    def __init__(
        self,
        problems: dict[str, Result] | None = None,
        reveal: bool = False,
        seconds: float = 5.0,
        memory_mb: int = 512,
        max_cases: int = 50,
    ) -> None:
        if seconds <= 0 or memory_mb < 64 or max_cases < 1:
            raise ValueError("seconds and max_cases must be positive, memory_mb at least 64")
        self.limits = Limits(wall_s=seconds, cpu_s=max(1, round(seconds)), memory_mb=memory_mb)
        self.reveal = reveal
        self.max_cases = max_cases
        self.problems = problems or {}
        for name, problem in self.problems.items():
            if set(problem) not in ({"tests"}, {"cases"}):
                raise ValueError(f"problem {name!r}: it has either tests or cases")
            self._check(problem.get("tests", []), problem.get("cases", []))

    def list(self) -> dict[str, str]:
        """List the problems that can be judged by name, and how many cases each has."""
        return {
            name: f"{len(cases)} {kind}"
            for name, problem in sorted(self.problems.items())
            for kind, cases in problem.items()
        }

    async def judge(
        self,
        code: str,
        problem: str = "",
        tests: list[str] | None = None,
        cases: list[dict[str, str]] | None = None,
    ) -> Result:
        """Judge a Python program against a problem, tests, or cases: give exactly one of them.

        The verdict is: pass, wrong answer, runtime error, time limit, memory limit or compile
        error; of the whole, that of the first case that does not pass.

        Args:
            code: The complete program.
            problem: The name of a known problem.
            tests: Python statements to run after the program, each on its own, for example
                "assert add(1, 2) == 3".
            cases: What the program reads and must print, as {"stdin": ..., "expected": ...}.
        """
        if sum(map(bool, (problem, tests, cases))) != 1:
            raise ValueError("give exactly one of problem, tests and cases")
        if problem and problem not in self.problems:
            known = ", ".join(sorted(self.problems)) or "none"
            raise ValueError(f"there is no problem {problem!r}; there are: {known}")
        known_cases = self.problems.get(problem, {})
        tests, cases = known_cases.get("tests", tests or []), known_cases.get("cases", cases or [])
        self._check(tests, cases)
        shown = self.reveal or not problem
        if fault := await self._compile_error(code):
            result = {"verdict": VERDICTS["CE"], "detail": fault}
            return {**result, "passed": 0, "of": len(tests) + len(cases), "cases": []}
        results = [await self._test(code, test, shown) for test in tests]
        results += [await self._case(code, case, shown) for case in cases]
        failed = [result["verdict"] for result in results if result["verdict"] != "pass"]
        return {
            "verdict": failed[0] if failed else "pass",
            "passed": len(results) - len(failed),
            "of": len(results),
            "cases": results,
        }

    def _check(self, tests: list[Any], cases: list[Any]) -> None:
        count = len(tests) + len(cases)
        if not 1 <= count <= self.max_cases:
            raise ValueError(f"there must be 1 to {self.max_cases} tests or cases, not {count}")
        if not all(isinstance(test, str) for test in tests):
            raise ValueError("tests: each must be Python text")
        for case in cases:
            if not isinstance(case, dict) or set(case) != {"stdin", "expected"}:
                raise ValueError("cases: each has exactly stdin and expected")
            if not all(isinstance(text, str) for text in case.values()):
                raise ValueError("cases: stdin and expected must be text")

    async def _compile_error(self, code: str) -> str:
        result = await run_python(COMPILE, files={"solution.py": code}, limits=self.limits)
        return "" if result.outcome == "ok" else bounded(result.stderr.strip() or result.outcome)

    async def _test(self, code: str, test: str, shown: bool) -> Result:
        verdict = await judge_python(code, tests=test, limits=self.limits)
        result: Result = {"verdict": VERDICTS[verdict.category]}
        # What is said of a failure may hold the test itself, and so the right answer.
        return {**result, "detail": verdict.feedback} if shown and verdict.feedback else result

    async def _case(self, code: str, case: dict[str, str], shown: bool) -> Result:
        ran = await run_python(code, stdin=case["stdin"], limits=self.limits)
        category = _category(ran, case["expected"])
        result: Result = {"verdict": VERDICTS[category]}
        if category == "RE":
            result["detail"] = bounded(ran.stderr.strip() or f"it ended with {ran.outcome}")
        if category == "WA" and shown:
            result["printed"] = bounded(ran.stdout, LONGEST_SHOWN)
            result["expected"] = bounded(case["expected"], LONGEST_SHOWN)
        return result


def _category(ran: ProcessResult, expected: str) -> str:
    if ran.outcome == "ok":
        return "PASS" if _lines(ran.stdout) == _lines(expected) else "WA"
    return {"timeout": "TLE", "memory": "MLE"}.get(ran.outcome, "RE")


def _lines(text: str) -> list[str]:
    """The lines that count: spaces at the end of one, and empty ones at the end, do not."""
    return [line.rstrip() for line in text.rstrip().splitlines()]
