"""Optimizers asked and told by hand, made by third parties, and the random numbers of a run."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import agp.sepl.evolution as evolution
import agp.sepl.optimizers as optimizers
from agp.errors import InputError, NotFoundError
from agp.rspl.view import View
from agp.sepl.lab import Lab
from agp.sepl.optimizer import Optimizer
from agp.sepl.optimizers import find_optimizer, register
from agp.sepl.optimizers.best_of_n import best_of_n
from tests.support.words import optimize

ROOT = Path(__file__).parents[2]


async def by_hand(lab: Lab, optimizer: Optimizer, start: View, rounds: int, **_: object) -> View:
    """The loop, written with ask and tell."""
    best = start
    for number in range(1, rounds + 1):
        view, candidates = await optimizer.ask(best, number)
        _, evaluations = await optimizer.assess(view, candidates)
        best, _ = await optimizer.tell(view, candidates, evaluations.items)
    return best


@pytest.mark.parametrize("name", ["pareto", "best_of_n", "random_restart", "reflection"])
def test_asked_and_told_is_the_same_as_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = optimize(optimizer=name, rounds=8, candidates=2)
    monkeypatch.setattr(evolution, "search", by_hand)
    report = optimize(optimizer=name, rounds=8, candidates=2)
    assert report.best == expected.best
    assert report.proposals == expected.proposals
    assert report.commit


def test_the_seed_decides_alone() -> None:
    one, same, other = (optimize(random_seed=seed) for seed in (1, 1, 2))
    assert one.proposals == same.proposals
    assert one.proposals != other.proposals


def test_random_numbers_depend_on_seed_and_names_alone() -> None:
    def lab(seed: int) -> Any:
        return type("L", (), {"seed": seed, "rng": Lab.rng})()

    assert lab(1).rng("a", 1).random() == lab(1).rng("a", 1).random()
    draws = {lab(s).rng(*n).random() for s in (1, 2) for n in (("a", 1), ("a", 2), ("b", 1))}
    assert len(draws) == 6


def test_best_of_n_proposes_from_the_start_every_time() -> None:
    seen: set[str] = set()

    def proposer(texts: dict[str, str], feedback: Any, rng: Any) -> dict[str, str]:
        seen.add(texts["text"])
        return {"text": f"Answer {rng.random()} {rng.choice(['think', 'check'])}"}

    optimize(optimizer="best_of_n", proposer=proposer)
    assert seen == {"Answer."}


def test_random_restart_climbs_and_begins_anew() -> None:
    seen: list[str] = []

    def proposer(texts: dict[str, str], feedback: Any, rng: Any) -> dict[str, str]:
        seen.append(texts["text"])
        return {"text": f"{texts['text']} {rng.choice(['think', 'check', 'number', 'please'])}"}

    optimize(optimizer="random_restart", proposer=proposer, rounds=30)
    climbed = next(place for place, text in enumerate(seen) if text != "Answer.")
    assert "Answer." in seen[climbed:]


def test_one_registered_in_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimizers, "OPTIMIZERS", dict(optimizers.OPTIMIZERS))

    def mine(lab: Lab) -> Optimizer:
        return best_of_n(lab)

    register("mine", mine)
    register("mine", mine)
    assert optimize(optimizer="mine").proposals == optimize(optimizer="best_of_n").proposals
    with pytest.raises(InputError, match="already an optimizer 'pareto'"):
        register("pareto", mine)


def test_one_of_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "theirs"

        def load(self) -> Any:
            return best_of_n

    monkeypatch.setattr(
        optimizers, "entry_points", lambda group: [Point()] if group == "agp.optimizers" else []
    )
    assert find_optimizer("theirs") is best_of_n
    assert optimize(optimizer="theirs").commit
    with pytest.raises(NotFoundError, match="theirs"):
        find_optimizer("their")


def example() -> ModuleType:
    """examples/custom_optimizer.py, imported."""
    path = ROOT / "examples" / "custom_optimizer.py"
    spec = importlib.util.spec_from_file_location("custom_optimizer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_of_an_optimizer_is_short_and_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(optimizers, "OPTIMIZERS", dict(optimizers.OPTIMIZERS))
    module = example()
    source = inspect.getsource(module)
    part = re.search(r"^class Shorten.*^register\(.*?\)$", source, re.MULTILINE | re.DOTALL)
    assert part is not None
    lines = [line for line in part[0].splitlines() if line.strip()]
    assert len(lines) < 40
    module.main()
    printed = capsys.readouterr().out
    assert "Committed to main" in printed
    assert printed.splitlines()[-1] == "Think first. Answer with a number."
