"""The benchmark of calls from a contract: its own reference calls, and what it refuses."""

from __future__ import annotations

import json

import pytest

from agp.evaluation.catalog import load_benchmark_class
from agp.evaluation.types import DataRequest
from agp.rspl.discovery import library_root


@pytest.fixture(scope="module")
def benchmark():
    return load_benchmark_class(library_root() / "benchmarks" / "tool_contract.py")()


async def test_every_reference_call_is_valid_and_does_what_it_does(benchmark) -> None:
    samples = benchmark.load(DataRequest())
    assert len(samples) >= 24
    for sample in samples:
        score = await benchmark.score(sample, sample.target)
        assert score.value == 1, (sample.id, score.feedback)


def test_every_shipped_function_is_asked_for(benchmark) -> None:
    samples = benchmark.load(DataRequest())
    asked = {json.loads(sample.target)["name"] for sample in samples}
    assert asked == set(benchmark.functions)


@pytest.mark.parametrize(
    ("reply", "value", "feedback"),
    [
        ('```json\n{"name": "calculator", "arguments": {"expression": "2340*0.17"}}\n```', 1, ""),
        ('{"name": "python", "arguments": {"code": "print(0.17 * 2340)"}}', 1, ""),
        ('{"name": "calculator", "arguments": {"expression": "17 * 2340"}}', 0, "A valid call"),
        ('{"name": "calculator", "arguments": {"expression": "17 %"}}', 0, "A valid call"),
        ('{"name": "calculator", "arguments": {"expression": 3}}', 0, "No valid call"),
        ('{"name": "calculator", "arguments": {"sum": "3"}}', 0, "No valid call"),
        ('<tool_call>{"name": "abacus", "arguments": {}}</tool_call>', 0, "No valid call"),
        ("It is 397.8.", 0, "No valid call"),
    ],
)
async def test_scores(benchmark, reply: str, value: float, feedback: str) -> None:
    sample = benchmark.load(DataRequest(limit=1))[0]
    score = await benchmark.score(sample, reply)
    assert score.value == value
    assert score.feedback.startswith(feedback)
