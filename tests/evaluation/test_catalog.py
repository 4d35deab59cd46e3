"""Benchmarks are found by name, and a broken file is named with its line."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from agp.errors import InputError, NotFoundError, ResourceError
from agp.evaluation.catalog import find_benchmark, list_benchmarks
from agp.evaluation.types import DataRequest, Sample
from agp.runtime.types import Task

FILE = """
from agp.evaluation.types import Benchmark, Score

class Mine(Benchmark):
    name = "mine"
    description = "my own"
    {init}

    def load(self, request):
        return []

    async def score(self, sample, text):
        return Score(value=0)
"""
PLAIN = FILE.format(init="")
WITH_TASK = FILE.format(init="def __init__(self, task): self.task = task")
SAMPLE = Sample(id="1", task=Task(input="?"), target="")
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(PLAIN)
    (tmp_path / "tasks.py").write_text(WITH_TASK)
    (tmp_path / "_hidden.py").write_text("raise RuntimeError")
    return tmp_path


def test_found_by_name(folder: Path) -> None:
    benchmark = find_benchmark("mine", [folder / "absent", folder])
    assert benchmark.name == "mine"
    assert "class Mine" in inspect.getsource(type(benchmark))
    assert len(benchmark.scorer_digest) == 64
    assert benchmark.load(DataRequest()) == []


def test_task_parameter(folder: Path) -> None:
    assert vars(find_benchmark("tasks:gcd", [folder])) == {"task": "gcd"}
    with pytest.raises(InputError, match="needs a task"):
        find_benchmark("tasks", [folder])
    with pytest.raises(InputError, match="takes no task"):
        find_benchmark("mine:gcd", [folder])


def test_unknown_name_suggests_near_ones(folder: Path) -> None:
    with pytest.raises(NotFoundError, match="Did you mean mine") as error:
        find_benchmark("mien", [folder])
    assert error.value.exit_code == 2
    with pytest.raises(NotFoundError):
        find_benchmark("../mine", [folder])
    with pytest.raises(NotFoundError):
        find_benchmark("_hidden", [folder])


async def test_the_first_folder_wins_and_an_edit_is_seen(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "first"
    other.mkdir()
    (other / "mine.py").write_text(PLAIN.replace("my own", "another"))
    assert find_benchmark("mine", [other, folder]).description == "another"
    before = find_benchmark("mine", [folder])
    digest_before = before.scorer_digest
    (folder / "mine.py").write_text(PLAIN.replace("value=0", "value=1"))
    after = find_benchmark("mine", [folder])
    assert digest_before != after.scorer_digest
    assert (await before.score(SAMPLE, "")).value == 0
    assert (await after.score(SAMPLE, "")).value == 1
    assert not (folder / "__pycache__").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n\nimport nothing_of_that_name\n", "broken.py:3: ModuleNotFoundError"),
        ("x = 1\ndef f(:\n", "broken.py:2: SyntaxError"),
        ("x = 1\n", "found none"),
    ],
)
def test_broken_files(folder: Path, text: str, said: str) -> None:
    (folder / "broken.py").write_text(text)
    with pytest.raises(ResourceError, match=said):
        find_benchmark("broken", [folder])
    listed = {name: description for name, description, _ in list_benchmarks([folder])}
    assert list(listed) == ["broken", "mine", "tasks"]
    assert "cannot be loaded" in listed["broken"]
    assert listed["mine"] == "my own"


def test_shipped_benchmarks_are_listed() -> None:
    listed = {name: text for name, text, _ in list_benchmarks([REPOSITORY / "benchmarks"])}
    assert {"aime24", "aime25", "gsm8k", "humaneval", "reasoning_gym"} <= set(listed)
    assert not [text for text in listed.values() if "cannot be loaded" in text]
