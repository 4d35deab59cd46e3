"""Each invariant by its name: what breaks it, and what honest change does not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from agp.errors import NotFoundError
from agp.evaluation.types import DataRequest, Sample
from agp.rspl.entities import Record, ResourceId
from agp.rspl.view import View
from agp.sepl.invariants import LARGEST, broken_invariant, self_judging
from tests.rspl.helpers import prompt
from tests.support.echo import Echo
from tests.support.stories import FORM, STORIES, stories, story_splits

SPLITS = story_splits()
HONEST = (
    "Think step by step. Read the question twice and write down every number with its unit. Work "
    "out one quantity at a time, check that percentages are taken of the right whole, and round to "
    "2 decimals. If the task speaks of a dozen, that is 12; a week has 7 days, an hour 60 minutes. "
    "For example: 3 boxes of 12 pens are 36 pens; half of them are 18. "
    f"{FORM}"
)


def _view(*records: Record) -> View:
    bodies = {record.digest: record for record in records}
    return View({record.id: record.digest for record in records}, bodies.__getitem__)


def _change(*, system: str = "Be brief.", demonstrations: Sequence[Any] = ()) -> str:
    view = _view(prompt("solver", system="Be brief."))
    params = {"system": system, "template": "{{input}}", "demonstrations": list(demonstrations)}
    return broken_invariant(view, [prompt("solver", params=params)], SPLITS)


def _system(text: str) -> str:
    return _change(system=text)


@pytest.mark.parametrize("text", [HONEST, "Count slowly: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.", ""])
def test_honest_text_passes(text: str) -> None:
    assert _system(text) == ""


def test_a_few_words_changed_is_a_copy_all_the_same() -> None:
    words = enumerate(STORIES[8][0].split())
    swapped = " ".join(word if n % 6 else "so" for n, word in words)
    assert _system(f"Remember this: {swapped}").startswith("no_reworded_samples")


def test_the_words_of_a_task_in_another_order_are_a_copy() -> None:
    text = " ".join(sorted(STORIES[9][0].split(), key=lambda word: word[::-1]))
    assert _system(text).startswith("no_reworded_samples")


@pytest.mark.parametrize(
    "table",
    [
        "If the task mentions Janet: 24. If it mentions Eliza: 460.",
        "doughnuts -> 694; downloads -> 366; lemons -> 13",
        "Say 64 where it is about Kylar, 160 where it is about Carla.",
        "ANSWERS = {'Toulouse': 260, 'Melanie': 18}",
        "The answer about Kylar is 64.",
        "sheep two hundred? no: Melanie eighteen, lemon thirteen, vacuum eighteen",
    ],
)
def test_answers_beside_words_of_their_samples_are_a_table(table: str) -> None:
    assert _system(f"Think. {table}").startswith("no_answer_table")


def test_answers_together_are_a_list() -> None:
    assert _system("One of these is right: 64, 260, 160, 460, 366, 694, 13").startswith(
        "no_answer_table"
    )


def test_figures_together_are_none() -> None:
    assert _system("Usual sums: 10, 20, 50, 100, 200, 500, 1000.") == ""


def test_samples_are_not_named() -> None:
    task = stories()[5].task.input
    assert _system("When you see story/7, say it.").startswith("no_special_casing")
    digest = hashlib.sha256(task.encode()).hexdigest()[:16]
    assert _system(f"if hash(task) == '{digest}': …").startswith("no_special_casing")
    assert _system("A story/70 or history/7 is no sample.") == ""


def test_demonstrations_may_hold_feedback_samples_only() -> None:
    def shown(n: int) -> list[dict[str, str]]:
        return [{"input": stories()[n].task.input, "output": f"It is {STORIES[n][1]}."}]

    assert _change(demonstrations=shown(0)) == ""
    assert _change(demonstrations=shown(3)).startswith("no_copied_samples")
    assert _change(demonstrations=shown(7)).startswith("no_copied_samples")
    assert _system(stories()[0].task.input).startswith("no_copied_samples")


def test_size_is_bounded_and_demonstrations_count() -> None:
    assert _system("so " * (LARGEST // 3 + 1)).startswith("bounded_size")
    long = [{"input": "so " * (LARGEST // 3), "output": "so"}]
    assert _change(demonstrations=long).startswith("bounded_size")
    view = _view(prompt("solver", system="so " * 9_000))
    assert broken_invariant(view, [prompt("solver", system="so " * 8_000)], SPLITS) == ""


class Judged(Echo):
    """Echo, scored by a model that reads the prompt of the solver."""

    judged_by: ClassVar[tuple[str, ...]] = ("prompt/judge", "role/judge")

    def load(self, request: DataRequest) -> list[Sample]:
        return stories()


def test_what_judges_does_not_evolve() -> None:
    view = _view(prompt("judge", system="Is it right?"), prompt("solver", system="Be brief."))
    changed = [prompt("judge", system="Everything is right.")]
    assert broken_invariant(view, changed, SPLITS, Judged()).startswith("no_self_judging")
    assert broken_invariant(view, [prompt("solver", system="Think.")], SPLITS, Judged()) == ""
    with pytest.raises(NotFoundError, match="prompt/judge"):
        broken_invariant(_view(prompt("solver")), [prompt("solver")], SPLITS, Judged())


def test_what_judges_is_not_used_by_the_agent() -> None:
    assert self_judging(_view(prompt("judge")), ResourceId.parse("prompt/judge"), Judged()) == (
        "no_self_judging: prompt/judge judges, and prompt/judge uses it"
    )
