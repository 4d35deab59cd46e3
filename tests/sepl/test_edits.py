"""Edits are checked against mask, form, placeholders, size and invariants before anything runs."""

from __future__ import annotations

import pytest

from agp.errors import EditError
from agp.evaluation.splits import split
from agp.rspl.discovery import library_root
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.rspl.view import View
from agp.sepl.edits import Edit, Insert, Patch, Replace, apply_edits
from agp.sepl.invariants import broken_invariant
from agp.sepl.variables import Mode, Variable, lift, trainable
from agp.store.database import Database
from tests.rspl.helpers import prompt
from tests.support.echo import Echo

SOLVER = ResourceId.parse("agent/solver")
SYSTEM = "prompt/solver:params/system"
TEMPLATE = "prompt/solver:params/template"


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    registry = Registry(History(Database(tmp_path_factory.mktemp("store") / "store.db")))
    registry.init([library_root()])
    return registry.view()


@pytest.fixture
def theta(view: View) -> dict[str, Variable]:
    return trainable(lift(view, SOLVER, Mode.PROMPT))


def test_lifting_shows_everything_and_the_mask_opens_prompts_only(view: View) -> None:
    everything = lift(view, ResourceId.parse("agent/tool_calling"), Mode.PROMPT)
    assert {v.resource.type.value for v in everything} == {"agent", "prompt", "tool"}
    assert {v.resource.type.value for v in everything if v.learnable} == {"prompt"}
    assert trainable(lift(view, SOLVER, Mode.SOLUTION)) == {}
    assert Mode.JOINT.solution
    assert trainable(lift(view, SOLVER, Mode.JOINT))


def test_what_is_marked_not_evolvable_is_outside_the_mask(view: View) -> None:
    fixed = view.with_overlay(
        [view.record(ResourceId.parse("prompt/solver")).model_copy(update={"evolvable": False})]
    )
    assert trainable(lift(fixed, SOLVER, Mode.PROMPT)) == {}


def test_each_edit_does_what_it_says(view: View, theta: dict[str, Variable]) -> None:
    old = theta[SYSTEM].value
    cases: list[tuple[Edit, str]] = [
        (Replace(variable=SYSTEM, value="New."), "New."),
        (Insert(variable=SYSTEM, text="More."), f"{old}\n\nMore."),
        (Insert(variable=SYSTEM, text="First.", at="start"), f"First.\n\n{old}"),
        (Patch(variable=SYSTEM, old="Answer", new="Solve"), old.replace("Answer", "Solve")),
    ]
    for edit, expected in cases:
        assert apply_edits(view, theta, [edit])[0].params["system"] == expected


def test_edits_add_up_on_one_record(view: View, theta: dict[str, Variable]) -> None:
    edits: list[Edit] = [
        Replace(variable=SYSTEM, value="A b."),
        Patch(variable=SYSTEM, old="b", new="c"),
        Insert(variable=TEMPLATE, text="Now!"),
    ]
    (record,) = apply_edits(view, theta, edits)
    assert (record.params["system"], record.params["template"]) == ("A c.", "{{input}}\n\nNow!")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Replace(variable="agent/solver:params/policy", value={}), "may not be changed"),
        (Replace(variable="agent/solver:implementation/files/policy.py", value=""), "may not"),
        (Replace(variable="prompt/refine:params/template", value="x"), "may not be changed"),
        (Replace(variable=SYSTEM, value=7), "is text"),
        (Replace(variable=TEMPLATE, value="no placeholder"), "placeholders must stay"),
        (Replace(variable=TEMPLATE, value="{{input}} {{answer}}"), "placeholders must stay"),
        (Replace(variable=SYSTEM, value="x" * 10_000), "grow by more"),
        (Replace(variable=SYSTEM, value="\ud800"), "canonical"),
        (Replace(variable="prompt/solver:params/demonstrations", value=[1]), "demonstrations"),
        (Patch(variable=SYSTEM, old="nowhere", new=""), "occurs 0 times"),
        (Patch(variable=SYSTEM, old="e", new=""), "occurs"),
        (Insert(variable=SYSTEM, text="  "), "change nothing"),
    ],
)
def test_edits_that_do_not_fit_are_refused(
    view: View, theta: dict[str, Variable], edit: Edit, message: str
) -> None:
    with pytest.raises(EditError, match=message):
        apply_edits(view, theta, [edit])


def test_protected_text_stays(view: View) -> None:
    protected = prompt("solver", system="Be safe. Be brief.", metadata={"protected": ["Be safe."]})
    guarded = view.with_overlay([protected])
    theta = trainable(lift(guarded, SOLVER, Mode.PROMPT))
    with pytest.raises(EditError, match=r"'Be safe\.' is missing"):
        apply_edits(guarded, theta, [Replace(variable=SYSTEM, value="Be brief.")])


class Stories(Echo):
    """Tasks long enough to be recognised, with a sentence that all share."""

    def load(self, request):
        shared = "Reply with the complete function in one Python code block, please, always."
        samples = super().load(request)
        for number, sample in enumerate(samples):
            own = f"Once upon a time in village number {number} there lived {number} wise owls. "
            sample.task.input = own * 2 + shared
            sample.target = f"answer-number-{number}-of-many"
        return samples


def test_copied_samples_and_answers_break_an_invariant(view: View) -> None:
    from agp.evaluation.types import DataRequest

    samples = Stories(30).load(DataRequest())
    splits = split(samples, feedback=5, selection=5, holdout=20, seed=0)
    held = splits.holdout[3]

    def broken(text: str) -> str:
        return broken_invariant(view, [prompt("solver", system=text)], splits)

    assert "no_copied_samples" in broken(f"If you read {held.task.input} say yes.")
    assert held.id in broken(f"The answer may be {held.target}.")
    assert (
        broken("Reply with the complete function in one Python code block, please, always.") == ""
    )
    assert broken("Think step by step, then answer.") == ""
    changed = view.record(ResourceId.parse("prompt/solver")).model_copy(update={"evolvable": False})
    assert "own_limits" in broken_invariant(view, [changed], splits)
