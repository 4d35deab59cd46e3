"""A Python runner: each call is a fresh confined process with limits."""

from __future__ import annotations

from agp.runtime.process import Limits, ProcessResult, run_python

LIMITS = Limits(wall_s=10.0, cpu_s=10, memory_mb=1024, output_bytes=100_000)
MAX_CHARS = 4_000

# Runs cell.py like a notebook cell: the value of a last bare expression is shown.
CELL = """
import ast, sys, traceback

with open("cell.py", encoding="utf-8", newline="") as stream:
    source = stream.read()
space = {"__name__": "__main__"}
try:
    tree = ast.parse(source, "cell.py")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell.py", "exec"), space)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), "cell.py", "eval"), space)
        if value is not None:
            print(repr(value))
except SyntaxError as error:
    traceback.print_exception(type(error), error, None)
    sys.exit(1)
except Exception as error:
    traceback.print_exception(type(error), error, error.__traceback__.tb_next)
    sys.exit(1)
"""


async def python(code: str) -> str:
    """Run a Python 3 program and return what it printed.

    Print what you need to see; the value of a last line that is only an expression is shown too.
    Every call starts anew: nothing is kept from earlier calls. There is no input, and a program
    has 10 seconds.

    Args:
        code: The complete program, for example "print(sum(range(10)))".

    Returns:
        The printed output.

    Raises:
        ValueError: With the output so far and what went wrong, in words for the model.
    """
    result = await run_python(CELL, files={"cell.py": code}, limits=LIMITS)
    output = _bounded(result.stdout.rstrip("\n"))
    problem = _problem(result)
    if not output and not problem:
        problem = "The program ended without printing anything. Print the result."
    if problem:
        raise ValueError(f"{output}\n{problem}".strip())
    return output


def _problem(result: ProcessResult) -> str:
    match result.outcome:
        case "ok":
            return ""
        case "timeout":
            return f"Stopped: it ran longer than {LIMITS.wall_s:g} seconds."
        case "memory":
            return f"Stopped: it needed more than {LIMITS.memory_mb} MiB of memory."
        case "output_limit":
            return f"Stopped: it printed more than {LIMITS.output_bytes} bytes."
        case "process_limit":
            return f"Stopped: it started more than {LIMITS.processes} processes."
        case _:
            tail = result.stderr.strip()[-1_500:]
            return tail or f"It ended with exit code {result.exit_code}."


def _bounded(text: str) -> str:
    if len(text) <= MAX_CHARS:
        return text
    half = MAX_CHARS // 2
    return f"{text[:half]}\n... ({len(text) - 2 * half} characters left out) ...\n{text[-half:]}"
