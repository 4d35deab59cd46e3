"""The shipped memories: bounds hold whatever is remembered, recall ranks, wrong input is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agp.errors import ResourceError
from agp.rspl.kinds import KINDS
from tests.memory.shipped import Acting, shipped

BOUNDS = {"max_items": 4, "max_bytes": 400, "max_item_bytes": 250}
text = st.text(min_size=1, max_size=60) | st.sampled_from(["é" * 30, "a b" * 15])
name = st.sampled_from(["a", "b", "c", "d", "e", "f"])
CALLS = {
    "memory/episodic": st.tuples(
        st.just("remember"), st.fixed_dictionaries({"task": text, "outcome": text})
    ),
    "memory/semantic": st.one_of(
        st.tuples(st.just("remember"), st.fixed_dictionaries({"text": text, "key": name})),
        st.tuples(st.just("remember"), st.fixed_dictionaries({"text": text})),
        st.tuples(st.just("forget"), st.fixed_dictionaries({"fact": name})),
    ),
    "memory/procedural": st.one_of(
        st.tuples(
            st.just("remember"),
            st.fixed_dictionaries(
                {"name": name, "when": text, "steps": st.lists(text, min_size=1, max_size=3)}
            ),
        ),
        st.tuples(
            st.just("report"), st.fixed_dictionaries({"name": name, "success": st.booleans()})
        ),
        st.tuples(st.just("forget"), st.fixed_dictionaries({"name": name})),
    ),
}


@pytest.mark.parametrize("memory", CALLS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_bounds_are_never_exceeded(memory: str, data: st.DataObject) -> None:
    calls = data.draw(st.lists(CALLS[memory], max_size=12))

    async def play() -> None:
        acting = Acting(shipped(memory, **BOUNDS))
        for action, arguments in calls:
            before = acting.record
            try:
                await acting(action, **arguments)
            except ValueError:  # refused: nothing may have changed
                assert acting.record is before
                continue
            sizes = [len(json.dumps(e, ensure_ascii=False).encode()) for e in acting.state]
            assert len(sizes) <= 4
            assert sum(sizes) <= 400
            assert max(sizes, default=0) <= 250
            if action == "remember":
                kept = acting.state[-1]  # what was just remembered is never what goes
                written = arguments.get("task") or arguments.get("text") or arguments["when"]
                assert " ".join(written.split()) in kept.values()
            KINDS[before.type].validate(acting.record)

    asyncio.run(play())


async def test_episodes_the_oldest_go_first() -> None:
    acting = Acting(shipped("memory/episodic", max_items=2))
    for task in ("first", "second", "third"):
        await acting("remember", task=task, outcome="solved")
    assert [e["task"] for e in acting.state] == ["second", "third"]
    assert [e["task"] for e in await acting("recent")] == ["third", "second"]


async def test_bytes_are_bounded_over_all_items() -> None:
    bounds = {"max_bytes": 300, "max_item_bytes": 150}
    acting = Acting(shipped("memory/semantic", **bounds))
    for letter in "abcd":  # {"key": "", "text": "…"} is 23 bytes around its text
        await acting("remember", text=letter * 77)
    assert [fact["text"][0] for fact in acting.state] == ["b", "c", "d"]


async def test_of_equally_fitting_episodes_the_newer_comes_first() -> None:
    acting = Acting(shipped("memory/episodic"))
    for day in ("2025-01-01", "2025-01-02"):
        await acting("remember", task="count primes", outcome="solved", when=day)
    await acting("remember", task="boil eggs", outcome="solved")
    found = await acting("recall", query="How many PRIMES?")
    assert [e["when"] for e in found] == ["2025-01-02", "2025-01-01"]


async def test_a_fact_is_kept_once_and_corrected_in_place() -> None:
    acting = Acting(shipped("memory/semantic"))
    await acting("remember", text="The API limit is 10 a minute.", key="limit")
    await acting("remember", text="Paris is in France.")
    assert await acting("remember", text="The API limit is 20 a minute.", key="limit") == "Updated."
    before = acting.record
    await acting("remember", text="Paris  is in\nFrance.")
    assert acting.record.digest != before.digest  # confirmed: it is the newest now
    assert len(acting.state) == 2
    found = await acting("recall", query="what is the limit of the api")
    assert [fact["text"] for fact in found] == [
        "The API limit is 20 a minute.",
        "Paris is in France.",
    ]
    await acting("forget", fact="limit")
    await acting("forget", fact="Paris is in France.")
    assert acting.state == []


async def test_saying_the_newest_again_is_no_new_version() -> None:
    acting = Acting(shipped("memory/semantic"))
    await acting("remember", text="Water boils at 100 °C.")
    before = acting.record
    await acting("remember", text="Water boils at 100 °C.")
    assert acting.record is before


async def test_how_tos_that_worked_come_first_and_stay_longest() -> None:
    acting = Acting(shipped("memory/procedural", max_items=2))
    for way in ("by hand", "by table"):
        await acting("remember", name=way, when="convert units", steps=["look", "multiply"])
    await acting("report", name="by hand", success=True)
    await acting("report", name="by table", success=False)
    found = await acting("recall", query="convert")
    assert [how["name"] for how in found] == ["by hand", "by table"]
    await acting("remember", name="by guess", when="convert units", steps=["guess"])
    assert {how["name"] for how in acting.state} == {"by hand", "by guess"}


async def test_new_steps_are_counted_anew_and_the_same_steps_are_not() -> None:
    acting = Acting(shipped("memory/procedural"))
    how = {"name": "x", "when": "always", "steps": ["a"]}
    await acting("remember", **how)
    await acting("report", name="x", success=True)
    await acting("remember", **{**how, "when": "sometimes"})
    assert acting.state[0]["successes"] == 1
    await acting("remember", **{**how, "steps": ["b"]})
    assert acting.state[0]["successes"] == 0


LONG = "x" * 5000
HOW = {"name": "a", "when": "b", "steps": ["c"]}


@pytest.mark.parametrize(
    ("memory", "action", "arguments", "told"),
    [
        ("episodic", "remember", {"task": "a"}, "outcome: Field required"),
        ("episodic", "remember", {"task": " ", "outcome": "b"}, "task: must not be empty"),
        ("episodic", "remember", {"task": LONG, "outcome": "b"}, "4000 bytes; this has 50"),
        ("episodic", "remember", {"task": "a", "outcome": "b", "when": "May"}, "YYYY-MM-DD"),
        ("episodic", "recall", {"query": "a", "limit": 0}, "limit must be from 1 to 50"),
        ("episodic", "recall", {}, "query: Field required"),
        ("episodic", "recent", {"limit": 0}, "limit must be at least 1"),
        ("semantic", "remember", {"text": 5}, "text: Input should be a valid string"),
        ("semantic", "remember", {"text": LONG}, "shorten it"),
        ("semantic", "recall", {"query": "a", "limit": 51}, "limit must be from 1 to 50"),
        ("semantic", "forget", {"fact": "nothing"}, "there is no fact 'nothing'"),
        ("procedural", "remember", {**HOW, "steps": []}, "steps: there must be at least one"),
        ("procedural", "remember", {**HOW, "steps": [""]}, "steps: must not be empty"),
        ("procedural", "remember", {**HOW, "name": ""}, "name: must not be empty"),
        (
            "procedural",
            "report",
            {"name": "no", "success": True},
            "no how-to 'no'; there are: none",
        ),
        ("procedural", "report", {"name": "no", "success": "maybe"}, "success: Input should be"),
        ("procedural", "forget", {"name": "no"}, "there is no how-to"),
        ("procedural", "recal", {"query": "a"}, "remember, recall, report, forget"),
    ],
)
async def test_wrong_input_is_told_in_words(
    memory: str, action: str, arguments: dict[str, Any], told: str
) -> None:
    acting = Acting(shipped(f"memory/{memory}"))
    before = acting.record
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is checked below
        await acting(action, **arguments)
    assert told in str(raised.value)
    assert acting.record is before


async def test_what_utf8_cannot_hold_is_replaced() -> None:
    acting = Acting(shipped("memory/semantic"))
    await acting("remember", text="a\udfffb")
    assert acting.state[0]["text"] == "a?b"


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"max_items": 0}, "must be positive"),
        ({"max_item_bytes": 500, "max_bytes": 100}, "max_item_bytes at most max_bytes"),
        ({"items": [{"text": "a"}]}, "an item has the fields key, text"),
        ({"items": [{"text": 1, "key": ""}]}, "'text'"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_content_that_is_no_memory_is_refused(params: dict[str, Any], told: str) -> None:
    record = shipped("memory/semantic")
    broken = type(record).model_validate({**record.body(), "params": {**record.params, **params}})
    with pytest.raises(ResourceError) as raised:
        KINDS[record.type].validate(broken)
    assert told in str(raised.value)
