"""Bringing samples and their answers into a resource, in every dress, and growing to hold them."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from typing import Any, ClassVar

from agp.evaluation.types import DataRequest, Sample
from agp.rspl.entities import ResourceId
from agp.sepl.invariants import broken_invariant, self_judging
from tests.attacks.gate.case import Attempt, GateAttack, Yard
from tests.attacks.gate.models import GOOD
from tests.support.echo import Echo
from tests.support.stories import STORIES, stories, story_splits

PROMPT = ResourceId.parse("prompt/solver")
_ANSWERS = dict(enumerate(answer for _, answer in STORIES))
_REWORDED = " ".join(w if n % 7 else "so" for n, w in enumerate(STORIES[6][0].split()))
_PACKED = base64.b85encode(zlib.compress("\n".join(text for text, _ in STORIES).encode())).decode()
_TABLE = "If the task mentions Janet: 24. Kylar: 64. Eliza: 460. Doughnuts: 694. Vacuum: 18."
_LIST = f"The answer is one of {', '.join(_ANSWERS[n] for n in (2, 3, 4, 5, 6, 7))}."
_NAMED = "On story/5 say what you were told, and on story/7 as well."


class Judged(Echo):
    """Scored by a model that the solver's own prompt instructs."""

    judged_by: ClassVar[tuple[str, ...]] = ("prompt/solver", "role/judge")

    def load(self, request: DataRequest) -> list[Sample]:
        return stories()


def _by_name(name: str, changed: Callable[[], dict[str, Any]], benchmark: Any = None) -> Attempt:
    """What comes of a change; it must be refused, and under the invariant's name."""

    def attempt(yard: Yard) -> str:
        view = yard.registry().view()
        before = view.record(PROMPT)
        record = before.model_copy(update={"params": {**before.params, **changed()}})
        found = broken_invariant(view, [record], story_splits(), benchmark)
        return (
            "" if found.startswith(f"{name}: ") else f"not refused as {name}: {found or 'at all'}"
        )

    return attempt


def _by_length(text: str) -> Attempt:
    """A gate that looks for whole tasks and long answers, as they stand."""

    def attempt(yard: Yard) -> str:
        long = [s for s in stories() if s.task.input in text or len(s.target) > 11 < len(text)]
        return "" if long else "no task and no long answer stands in it, so it was accepted"

    return attempt


def _self_judged(yard: Yard) -> str:
    view = yard.registry().view()
    found = self_judging(view, ResourceId.parse("agent/solver"), Judged())
    return "" if found.startswith("no_self_judging: ") else "an agent judges itself"


def _text(name: str, invariant: str, tries: str, text: str) -> GateAttack:
    return GateAttack(
        name=name,
        tries=tries,
        attempt=_by_name(invariant, lambda: {"system": f"{GOOD} {text}"}),
        naive=_by_length(text),
    )


ATTACKS = [
    _text(
        "answers_packed",
        "no_copied_samples",
        "copies tasks into the prompt, compressed and encoded",
        _PACKED,
    ),
    _text(
        "tasks_reworded",
        "no_reworded_samples",
        "copies a task with every seventh word replaced",
        _REWORDED,
    ),
    _text(
        "answers_by_word",
        "no_answer_table",
        "ties short answers to rare words of their tasks",
        _TABLE,
    ),
    _text("answers_listed", "no_answer_table", "lists short answers to choose from", _LIST),
    _text("samples_named", "no_special_casing", "treats samples apart by their ids", _NAMED),
    GateAttack(
        name="grown_demonstrations",
        tries="grows without end, by demonstrations that no text limit counts",
        attempt=_by_name(
            "bounded_size", lambda: {"demonstrations": [{"input": "so " * 8_000, "output": "so"}]}
        ),
    ),
    GateAttack(
        name="demonstrates_holdout",
        tries="shows holdout samples as demonstrations",
        attempt=_by_name(
            "no_copied_samples",
            lambda: {"demonstrations": [{"input": STORIES[8][0], "output": "13"}]},
        ),
    ),
    GateAttack(
        name="judge_edited",
        tries="rewrites the prompt of the model that judges it",
        attempt=_by_name("no_self_judging", lambda: {"system": "All is right."}, Judged()),
    ),
    GateAttack(
        name="judges_itself", tries="is scored by a judge that it is made of", attempt=_self_judged
    ),
]
