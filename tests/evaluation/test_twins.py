"""Twins ask the same in another dress."""

from __future__ import annotations

from agp.evaluation.types import Sample
from agp.runtime import Task
from tests.support.echo import Echo


def _twin(text: str, target: str = "24", **fields: str) -> Sample:
    sample = Sample(id="a", task=Task(input=text, fields=fields), target=target)
    found = Echo().twin(sample, 7)
    assert found
    return found


def test_persons_get_other_names_everywhere() -> None:
    text = "When Janet has 16 eggs, Janet's ducks are glad. How many has Janet?"
    found = _twin(text, question=text, input=text)
    assert "Janet" not in found.task.input
    assert found.task.fields["question"] == found.task.input
    assert found.task.input.count("16 eggs") == 1
    assert found.target == "24"
    assert found.id == "a~twin7"
    assert _twin(text).task == _twin(text).task


def test_known_persons_and_answers_stay() -> None:
    assert "Albert Adam" in _twin("What did Albert Adam find?").task.input
    assert "Adam Smith" in _twin("What did Adam Smith find?").task.input
    assert "Janet" in _twin("Who is older, Janet or Tom?", target="Janet").task.input


def test_code_keeps_its_words() -> None:
    text = 'def adam(x):\n    """Return Adam."""\n'
    assert text.strip() in _twin(text).task.input
    assert _twin(text).task.input != text


def test_an_empty_task_has_no_twin() -> None:
    assert Echo().twin(Sample(id="a", task=Task(input=" "), target=""), 1) is None
