"""What monty and wasm let through to the host: bounded, plain, and never at the host's cost."""

from __future__ import annotations

from typing import Any

import pytest

from agp.processes import Limits
from agp.sandbox import Call, Confined
from agp.sandbox.interface import Backend
from agp.sandbox.monty import MontyBackend
from agp.sandbox.wasm import WasmBackend

MONTY, WASM = MontyBackend(), WasmBackend()
BOTH = pytest.mark.parametrize("backend", [MONTY, WASM], ids=["monty", "wasm"])
LIMITS = Limits(wall_s=3, memory_mb=128, output_bytes=10_000)


async def called(backend: Backend, source: str, **rest: Any) -> Confined:
    return await backend.call(Call(files={"t.py": source}, entry="t.py:f", **rest), LIMITS)


async def asked(backend: Backend, arguments: str) -> tuple[Confined, list[Any]]:
    got: list[Any] = []

    async def grant(given: Any) -> Any:
        got.append(given)
        return "taken"

    source = f"import agp_guest\ndef f():\n    return agp_guest.ask('grant', {arguments})"
    return await called(backend, source, grants={"grant": grant}), got


@BOTH
async def test_a_key_that_would_be_there_twice_is_refused(backend: Backend) -> None:
    result = await called(backend, "def f(): return [{1: 'shown', '1': 'meant'}]")
    assert (result.outcome, result.value) == ("error", None)
    assert "plain JSON: a key is there twice" in result.error


@BOTH
@pytest.mark.parametrize(
    "arguments",
    [
        "v={1: 'shown', '1': 'meant'}",
        "v=float('nan')",
        "v={1, 2}",
        "v='x' * 100_000",
        "v=['x' * 2_000] * 50",
        "**{'x' * 100_000: 1}",
        "v=[[[1] * 1_000] * 1_000] * 10",
    ],
)
async def test_no_grant_sees_arguments_that_are_odd_or_too_large(
    backend: Backend, arguments: str
) -> None:
    result, got = await asked(backend, arguments)
    assert result.outcome in ("error", "output_limit", "timeout")
    assert got == []


@BOTH
async def test_arguments_below_the_limit_arrive(backend: Backend) -> None:
    result, got = await asked(backend, "v='x' * 9_900, w=[1, 2.5, None, True, {'a': []}]")
    assert (result.outcome, result.value) == ("ok", "taken"), result
    assert got == [{"v": "x" * 9_900, "w": [1, 2.5, None, True, {"a": []}]}]


@BOTH
async def test_results_end_at_the_limit(backend: Backend) -> None:
    assert (await called(backend, "def f(): return 'x' * 9_998")).value == "x" * 9_998
    assert (await called(backend, "def f(): return 'x' * 12_000")).outcome == "output_limit"


@BOTH
async def test_the_words_of_an_error_end_somewhere(backend: Backend) -> None:
    result = await called(backend, "def f(): raise ValueError('x' * 1_000_000)")
    assert result.outcome == "error"
    assert result.error.startswith("t.py, line 1: ValueError: xxx")
    assert len(result.error) < 5_000


async def test_monty_finds_a_coroutine_below_many_empty_lines() -> None:
    source = "\n" * 100_000 + "async def f(): return 1"
    assert (await called(MONTY, source)).value == 1


async def test_wasm_writes_from_many_parts_only_a_part() -> None:
    source = "import os\ndef f():\n    return os.writev(2, [b'x' * 1_000_000] * 1_000)"  # 1 GB
    result = await called(WASM, source)
    assert result.outcome == "ok"
    assert 0 < result.value < 10_000_000


@pytest.mark.parametrize("line", ["\\n", '{"op": "error"}\\n', '{"op": 3}\\n', "[]\\n"])
async def test_wasm_listens_only_so_often(line: str) -> None:
    source = f"import os\ndef f():\n    while True: os.write(0, b'{line}' * 300)"
    result = await called(WASM, source)
    assert result.outcome == "error"
    assert result.error


async def test_wasm_tells_what_was_printed_before_a_bad_result() -> None:
    result = await called(WASM, "def f():\n    print('seen')\n    return '\\ud800'")
    assert (result.outcome, result.stdout) == ("error", "seen\n")
