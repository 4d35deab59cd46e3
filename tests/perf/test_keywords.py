"""The synthetic task of the efficiency figures is what its description says."""

from __future__ import annotations

import importlib.util
import random
import re
import statistics
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "perf" / "efficiency"


def load(name: str) -> ModuleType:
    """A module of the benchmark's folder, as its scripts import it."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


keywords = load("keywords")
tables = load("tables")
PAIRS = keywords.Settings(interaction=0.5)


def test_it_needs_the_standard_library_only() -> None:
    code = f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import keywords"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_the_first_texts_and_the_best_are_worth_what_the_settings_say() -> None:
    task = keywords.Keywords(seed=3)
    assert task.value(task.start) == pytest.approx(0.25)
    assert task.value(task.best) == pytest.approx(0.25 + 0.65)


def test_words_have_the_stated_effects() -> None:
    task = keywords.Keywords(seed=4)
    sample = task.train[0]
    ((part, word),) = task.units[sample.needs[0]]
    name = task.names[part]
    start = task.quality(task.start, sample)
    better = {**task.start, name: f"{task.start[name]} {word}"}
    assert task.quality(better, sample) == pytest.approx(start + 0.65 / 3)
    twice = {**better, name: f"{better[name]} {word}"}
    assert task.quality(twice, sample) == pytest.approx(start + 0.65 / 3 - 0.03)
    elsewhere = next(each for each in task.names if each != name)
    wrong = {**task.start, elsewhere: f"{task.start[elsewhere]} {word}"}
    assert task.quality(wrong, sample) == pytest.approx(start - 0.03)
    short = {**task.start, name: task.start[name].split()[0]}
    assert task.quality(short, sample) == pytest.approx(start - 0.04)
    shown = {**task.start, name: f"{task.start[name]}\nDemo {sample.id}"}
    own = sum(task.units[unit][0][0] == part for unit in sample.needs)
    assert task.quality(shown, sample) == pytest.approx(start + own * 0.25 * 0.65 / 3 - 0.002)


def test_a_pair_counts_only_together() -> None:
    task = keywords.Keywords(PAIRS, seed=5)
    assert len(task.units) == 3 + 6
    unit = next(number for number, parts in enumerate(task.units) if len(parts) == 2)
    sample = next(each for each in task.train if unit in each.needs)
    (first, one), (second, other) = task.units[unit]
    assert first != second
    start = task.quality(task.start, sample)
    half = dict(task.start)
    half[task.names[first]] += f" {one}"
    assert task.quality(half, sample) == pytest.approx(start)
    half[task.names[second]] += f" {other}"
    assert task.quality(half, sample) == pytest.approx(start + 0.65 / 3)


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_noise_leaves_the_expected_score_as_it_is(noise: float) -> None:
    task = keywords.Keywords(keywords.Settings(noise=noise), seed=6)
    sample, n = task.train[0], 4000
    quality = task.quality(task.start, sample)
    scores = [task.run(task.start, sample, number).score for number in range(n)]
    deviation = (noise * quality * (1 - quality) / n) ** 0.5
    assert statistics.fmean(scores) == pytest.approx(quality, abs=4 * deviation)
    assert len(set(scores)) == (2 if noise == 1 else 3)


def test_without_noise_the_score_is_the_quality() -> None:
    task = keywords.Keywords(seed=6)
    for sample in task.val:
        assert task.run(task.start, sample, 7).score == task.quality(task.start, sample)


def test_an_execution_depends_on_its_circumstances_only() -> None:
    noisy = keywords.Settings(noise=1.0)
    one, other = keywords.Keywords(noisy, seed=7), keywords.Keywords(noisy, seed=7)
    there = [one.run(one.start, sample, 1) for sample in one.train]
    back = [other.run(other.start, sample, 1) for sample in reversed(other.train)]
    assert there == back[::-1]
    assert there != [one.run(one.start, sample, 2) for sample in one.train]
    assert keywords.Keywords(noisy, seed=8).start != one.start


def test_feedback_names_a_missing_word_as_often_as_it_says() -> None:
    task = keywords.Keywords(seed=9)
    right = total = 0
    for sample in task.train:
        for repetition in range(40):
            told = dict(keywords.LESSONS.findall(task.run(task.start, sample, repetition).feedback))
            for unit in sample.needs:
                lacking = task.names[task.units[unit][0][0]]
                words = {
                    word
                    for other in sample.needs
                    for part, word in task.units[other]
                    if task.names[part] == lacking
                }
                total += 1
                right += told[lacking] in words
    assert right / total == pytest.approx(0.6, abs=0.03)


def test_success_has_no_feedback() -> None:
    task = keywords.Keywords(keywords.Settings(noise=1.0), seed=10)
    for sample in task.train:
        outcome = task.run(task.best, sample)
        assert outcome.score == 0 or not outcome.feedback


SMALL = [
    keywords.Keywords(keywords.Settings(interaction=share, hidden=1), 11) for share in (0, 0.5)
]
WORDS = st.lists(st.integers(min_value=0, max_value=30), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=3, max_size=3), st.sampled_from([0, 1]))
def test_no_candidate_beats_the_best(choices: list[list[int]], which: int) -> None:
    task = SMALL[which]
    pool = " ".join(task.best.values()).split() + task.junk[:13]
    texts = {
        name: " ".join(pool[each % len(pool)] for each in words)
        for name, words in zip(task.names, choices, strict=True)
    }
    for sample in task.val:
        assert task.quality(texts, sample) <= task.quality(task.best, sample)


def test_the_proposer_takes_up_few_lessons_and_mostly_what_it_was_asked() -> None:
    task = keywords.Keywords(seed=12)
    habits = keywords.Habits(heeds=1.0, grasps=2, rambles=0, forgets=0, spoils=0)
    proposer = keywords.Proposer(task, 1, habits)
    told = [keywords.LESSON.format(component="part1", word=f"word{n}") for n in range(5)]
    told.append(keywords.LESSON.format(component="part0", word="other"))
    for _ in range(20):
        new = proposer.propose(task.start, told, ["part1"])
        assert set(new) == {"part1"}
        added = new["part1"].removeprefix(task.start["part1"]).split()
        assert len(added) == 2
        assert all(re.fullmatch(r"word\d", word) for word in added)


def test_the_proposer_always_changes_something_and_repeats_itself_with_its_seed() -> None:
    task = keywords.Keywords(seed=13)
    runs: list[list[dict[str, str]]] = []
    for _ in range(2):
        proposer, rng = keywords.Proposer(task, 5), random.Random(0)
        runs.append(
            [
                proposer.propose(
                    task.start, [task.run(task.start, rng.choice(task.train)).feedback], ["part2"]
                )
                for _ in range(50)
            ]
        )
    assert runs[0] == runs[1]
    assert all(new for new in runs[0])
    slips = sum("part2" not in new or len(new) > 1 for new in runs[0])
    assert 0 < slips < 25


def test_the_meter_counts_repeats_and_knows_who_was_preferred_when() -> None:
    task = keywords.Keywords(keywords.Settings(noise=1.0), seed=14)
    meter = keywords.Meter(task)
    assert meter.run(task.start, task.train[0]) == task.run(task.start, task.train[0], 0)
    assert meter.run(task.start, task.train[0]) == task.run(task.start, task.train[0], 1)
    for texts in (task.start, task.best):
        for sample in task.val:
            meter.run(texts, sample)
    assert meter.calls == 2 + 2 * 30
    assert meter.choices() == [(0, task.start), (32, task.start), (62, task.best)]


def test_the_interval_and_the_calls_to_reach_a_score_by_hand() -> None:
    assert tables.interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 4.3027 / 3**0.5), abs=1e-3)
    runs = [{"steps": [[0, 0.2], [30, 0.4], [90, 0.8]]}, {"steps": [[0, 0.2], [50, 0.6]]}]
    assert tables.calls_to_reach(runs, 0.5) == 50
    assert tables.calls_to_reach(runs, 0.7) == 90
    assert tables.calls_to_reach(runs, 0.8) is None
