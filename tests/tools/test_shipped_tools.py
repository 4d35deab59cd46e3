"""The shipped tools do what their docstrings tell a model."""

from __future__ import annotations

import importlib.util
import inspect
import math
from pathlib import Path
from typing import Any

import pytest
from docstring_parser import parse

from agp.runtime.types import Task

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"_tool_{name}", TOOLS / name / "tool.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


@pytest.mark.parametrize("name", ["calculator", "python", "read_file"])
def test_one_public_typed_documented_function(name: str) -> None:
    function = load(name)
    described = parse(inspect.getdoc(function) or "")
    assert described.short_description
    hints = inspect.get_annotations(function, eval_str=True)
    arguments = {n for n in inspect.signature(function).parameters if hints[n] is not Task}
    assert {p.arg_name for p in described.params} == arguments
    assert hints["return"] is str


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(17 + 3) * 2 ** 5 / 4", "160"),
        ("2^10", "1024"),
        ("-7 // 2", "-4"),
        ("7 % 3", "1"),
        ("10 / 4", "2.5"),
        ("gcd(12, 18)", "6"),
        ("max(1, 2.5) + min(3, 4)", "5.5"),
        ("sqrt(16)", "4"),
        ("round(2.567, 2)", "2.57"),
        ("abs(-3)", "3"),
        ("2 * pi", repr(2 * math.pi)),
        ("2 ** 100", str(2**100)),
        ("2 ** -1", "0.5"),
        ("0 ** 999999", "0"),
    ],
)
def test_calculator(expression: str, value: str) -> None:
    assert load("calculator")(expression) == value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("1 / 0", "zero"),
        ("9 ** 9 ** 9", "too large"),
        ("2 ** 10 ** 9", "too large"),
        ("10.0 ** 400", "too large"),
        ("(-8) ** 0.5", "real value"),
        ("__import__('os')", "Not allowed"),
        ("(1).__class__", "Not allowed"),
        ("[1, 2]", "Not allowed"),
        ("True", "Not allowed"),
        ("'a' * 9", "Not allowed"),
        ("gcd(1.5, 2)", "arguments"),
        ("round(1, ndigits=2)", "Not allowed"),
        ("1 +", "Not an arithmetic"),
        ("", "Not an arithmetic"),
        ("x", "Not allowed"),
        ("sqrt(-1)", "domain"),
        ("1" * 2000, "longer"),
        ("(" * 400 + "1" + ")" * 400, "nested|Not an"),
    ],
)
def test_calculator_refuses(expression: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load("calculator")(expression)


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("print(1 + 1)", "2"),
        ("x = 20\nx * 2 + 2", "42"),
        ("print('a')\n'b'", "a\n'b'"),
        ("def f(n):\n    return 1 if n == 0 else n * f(n - 1)\nf(5)", "120"),
        ("if __name__ == '__main__':\n    print('main')", "main"),
    ],
)
async def test_python(code: str, output: str) -> None:
    assert await load("python")(code) == output


async def test_python_problems_are_readable() -> None:
    python = load("python")

    async def problem(code: str) -> str:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            await python(code)
        return str(caught.value)

    reply = await problem("print('first')\ndef f():\n    return {}['k']\nf()")
    assert reply.startswith("first\nTraceback")
    assert "return {}['k']" in reply
    assert reply.endswith("KeyError: 'k'")
    assert "main.py" not in reply
    assert "SyntaxError" in await problem("print(")
    assert "Print the result" in await problem("x = 1")
    assert "exit code 3" in await problem("import sys; sys.exit(3)")
    assert len(await python("print('x' * 50_000)")) < 5_000
    assert "printed more than" in await problem("while True: print('x' * 1000)")


def test_read_file() -> None:
    read_file = load("read_file")
    task = Task(input="?", files={"a.txt": "0123456789", "d/b.md": "bee", "empty": ""})
    assert read_file("a.txt", task) == "0123456789"
    assert read_file("./d/b.md", task) == "bee"
    assert read_file("empty", task) == ""
    piece = read_file("a.txt", task, offset=2, limit=3)
    assert piece.startswith("234\n")
    assert "5 more" in piece
    assert "offset=5" in piece
    assert read_file("a.txt", task, offset=5) == "56789"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"path": "/etc/passwd"}, "a.txt"),
        ({"path": "../a.txt"}, "no file"),
        ({"path": "a.txt", "offset": -1}, "offset"),
        ({"path": "a.txt", "limit": 0}, "limit"),
        ({"path": "a.txt", "offset": 99}, "only 3"),
    ],
)
def test_read_file_refuses(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load("read_file")(task=Task(input="?", files={"a.txt": "abc"}), **arguments)
