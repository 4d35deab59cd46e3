"""Copies of samples are found in every dress; standing text and chance are not copies."""

from __future__ import annotations

import base64
import codecs
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.evaluation.splits import Splits
from agp.evaluation.types import Sample
from agp.rspl.entities import Record
from agp.runtime import Task
from agp.sepl.copies import copied, fold, readings
from tests.rspl.helpers import prompt

ANSWER = "the quick brown fox is number 7431"
LONG = "Find the smallest prime that divides the product of the ages of all the captain's children."


def _splits(*samples: Sample) -> Splits:
    return Splits(feedback=list(samples), selection=[], holdout=[])


def _sample(name: str, task: str, target: str) -> Sample:
    return Sample(id=name, task=Task(input=task), target=target)


SPLITS = _splits(_sample("one", LONG, ANSWER), _sample("two", "Say it.", "42"))


def _with(text: str) -> Record:
    return prompt("solver", system=text)


DISGUISES = {
    "plain": lambda text: text,
    "shouted and spaced": lambda text: text.replace(" ", "   ").upper(),
    "punctuated": lambda text: "-".join(text),
    "full width": lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text),
    "backwards": lambda text: text[::-1],
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "hex": lambda text: text.encode().hex(),
    "spaced hex": lambda text: text.encode().hex(" "),
    "url": lambda text: "".join(f"%{ord(c):02x}" for c in text),
    "quoted": quote,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "urlsafe base64 without padding": lambda text: (
        base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    ),
    "base64 over lines": lambda text: "\n".join(
        base64.b64encode(text.encode()).decode()[i : i + 20] for i in range(0, 400, 20)
    ),
    "base64 in a word": lambda text: f"ab{base64.b64encode(text.encode()).decode()}",
}


@pytest.mark.parametrize("dress", DISGUISES)
@pytest.mark.parametrize("secret", [ANSWER, LONG])
def test_a_disguised_copy_is_found(dress: str, secret: str) -> None:
    text = f"Remember: {DISGUISES[dress](secret)}"
    assert copied(_with(text), _with("Be brief."), SPLITS) == "one"


def test_what_stood_there_before_is_no_copy() -> None:
    text = f"Remember: {ANSWER}"
    assert copied(_with(f"{text} Be kind."), _with(text), SPLITS) == ""


def test_short_answers_and_standing_text_are_no_copies() -> None:
    shared = "Answer the following question with a single number and nothing else at all, please: "
    splits = _splits(_sample("a", f"{shared}1?", "42"), _sample("b", f"{shared}2?", "42"))
    assert copied(_with(f"You will read: {shared} Say 42."), _with(""), splits) == ""


def test_code_is_looked_at_too() -> None:
    body = _with("x").body()
    body["implementation"] = {
        "kind": "source",
        "entry": "tool.py:f",
        "files": {"tool.py": f"def f():\n    return {ANSWER!r}\n"},
    }
    assert copied(Record.read(body), _with("x"), SPLITS) == "one"


@given(st.text())
def test_folding_is_stable_and_reading_never_fails(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert next(iter(readings(text))) == fold(text)
    assert all(isinstance(reading, str) for reading in readings(text))
