"""Near-duplicates never end up in different splits; texts of one template are none."""

from __future__ import annotations

import pytest

from agp.evaluation.near_duplicates import independent
from agp.evaluation.splits import distinct_size, split
from agp.evaluation.types import Sample
from agp.runtime import Task
from tests.support.stories import stories

QUESTION = (
    "A baker sells 12 loaves in the morning and twice as many in the afternoon. How many loaves "
    "does the baker sell on that day in total, if nobody brings any of them back?"
)


def _sample(name: str, text: str, target: str = "36") -> Sample:
    return Sample(id=name, task=Task(input=text), target=target)


def _dropped(*samples: Sample) -> list[str]:
    return [near.dropped for near in independent(samples)[1]]


@pytest.mark.parametrize(
    "other",
    [
        QUESTION.upper(),
        QUESTION.replace(". ", ".\n\n"),
        QUESTION.replace(",", "").replace("?", ""),
        QUESTION.replace("nobody brings", "no one brings"),
        QUESTION.replace("loaves in", "loafs in"),
    ],
)
def test_another_dress_is_the_same_sample(other: str) -> None:
    assert _dropped(_sample("a", QUESTION), _sample("b", other)) == ["b"]


@pytest.mark.parametrize(
    ("other", "target"),
    [
        (QUESTION.replace("12", "13"), "39"),
        (QUESTION.replace("12", "13"), "36"),
        (QUESTION.replace("twice", "thrice"), "48"),
    ],
)
def test_another_question_is_another_sample(other: str, target: str) -> None:
    assert _dropped(_sample("a", QUESTION), _sample("b", other, target)) == []


def test_the_same_question_with_two_targets_is_one() -> None:
    assert _dropped(_sample("a", QUESTION), _sample("b", QUESTION + "  ", "37")) == ["b"]


def test_signs_make_a_difference() -> None:
    sums = [_sample("a", "What is 2 + 2?", "4"), _sample("b", "What is 2 * 2?", "4")]
    boards = [_sample("c", "Play:\n#..\n.#.", "x"), _sample("d", "Play:\n.#.\n#..", "x")]
    assert _dropped(*sums, *boards) == []


def test_templates_are_no_duplicates() -> None:
    numbers = [_sample(f"n{n}", f"Say the number {n}.", str(n)) for n in range(50)]
    frame = "Read this with care and then answer with one word only: is {} the name of a game?"
    things = ("chess", "tree", "poker", "river", "go", "bridge", "cloud", "stone", "whist")
    asked = [_sample(t, frame.format(t), "no" if len(t) > 4 else "yes") for t in things]
    assert _dropped(*numbers, *asked, *stories()) == []


def test_splits_drop_and_name_them() -> None:
    samples = [*stories(), stories()[3].model_copy(update={"id": "again"})]
    again = samples[-1]
    again.task = Task(input=again.task.input.replace("in both trains", "on both trains"))
    splits = split(samples, feedback=3, selection=3, holdout=4, seed=5)
    assert {near.kept for near in splits.near} | {near.dropped for near in splits.near} == {
        "story/3",
        "again",
    }
    assert distinct_size(samples) == 10
