"""Two writers at once: what is independent is applied, what is not is a conflict, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from agp.errors import ConflictError, InputError, NotFoundError
from agp.rspl.commits import Reason
from agp.rspl.conflicts import retry_on_conflict
from agp.rspl.discovery import library_root
from agp.rspl.history import MAIN, History
from agp.rspl.registry import Registry
from tests.rspl.helpers import prompt

WHY = Reason("me", "test", "why")


@pytest.fixture
def two(history: History) -> tuple[Registry, Registry]:
    """Two registries on one store, as two processes have, and two prompts in it."""
    first, second = Registry(history, author="first"), Registry(history, author="second")
    first.register(prompt("a"))
    first.register(prompt("b"))
    return first, second


def test_a_lost_race_names_both_commits(two: tuple[Registry, Registry]) -> None:
    first, _ = two
    history = first.history
    built_on = history.head(MAIN)
    made = first.update(prompt("a", system="Mine."))
    with pytest.raises(ConflictError) as caught:
        history.commit(MAIN, {prompt("b").id: prompt("b", system="Hers.")}, WHY, expected=built_on)
    assert made is not None
    assert built_on is not None
    assert (caught.value.expected, caught.value.actual) == (built_on, made.id)
    assert built_on[:12] in caught.value.message
    assert made.id[:12] in caught.value.message


def test_an_independent_change_is_applied_on_the_new_head(two: tuple[Registry, Registry]) -> None:
    first, _ = two
    history, rid = first.history, prompt("b").id
    built_on, base = history.head(MAIN), {rid: prompt("b").digest}
    made = first.update(prompt("a", system="Mine."))
    late = history.commit(
        MAIN, {rid: prompt("b", system="Hers.")}, WHY, expected=built_on, base=base
    )
    assert made is not None
    assert late is not None
    assert late.parent == made.id
    assert first.get_info("prompt/a") == prompt("a", system="Mine.")
    assert first.get_info("prompt/b") == prompt("b", system="Hers.")


@pytest.mark.parametrize("operator", ["update", "set_variables"])
def test_what_someone_else_changed_is_never_overwritten(
    two: tuple[Registry, Registry], operator: str
) -> None:
    first, second = two
    seen = second.get_info("prompt/a").digest
    theirs = first.update(prompt("a", system="Mine."))
    calls: dict[str, Callable[[], object]] = {
        "update": lambda: second.update(prompt("a", system="Hers."), expected=seen),
        "set_variables": lambda: second.set_variables(
            "prompt/a", {"params/system": "Hers."}, expected=seen
        ),
    }
    with pytest.raises(ConflictError) as caught:
        calls[operator]()
    log = first.history.log()
    assert theirs is not None
    assert (caught.value.expected, caught.value.actual) == (log[2].id, theirs.id)
    assert second.get_info("prompt/a") == prompt("a", system="Mine.")
    assert log[0].id == theirs.id


def test_read_modify_write_loses_no_update(two: tuple[Registry, Registry]) -> None:
    history = two[0].history

    def add_one(name: str) -> None:
        registry = Registry(history, author=name)

        def change() -> None:
            record = registry.get_info("prompt/a")
            number = int(record.metadata.get("count", 0)) + 1
            registry.update(prompt("a", metadata={"count": number}), expected=record.digest)

        for _ in range(5):
            retry_on_conflict(change, attempts=200)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_one, ["p", "q", "r", "s"]))
    assert two[0].get_info("prompt/a").metadata == {"count": 20}


def test_of_two_who_register_one_name_the_second_is_told(two: tuple[Registry, Registry]) -> None:
    first, second = two
    first.register(prompt("c"))
    with pytest.raises(InputError, match="exists already"):
        second.register(prompt("c", system="Other."))
    assert second.get_info("prompt/c") == prompt("c")


def test_retrying_gives_up_with_the_conflict() -> None:
    calls: list[int] = []

    def lose() -> None:
        calls.append(1)
        raise ConflictError(MAIN, "a" * 64, "b" * 64)

    with pytest.raises(ConflictError):
        retry_on_conflict(lose, attempts=3)
    assert len(calls) == 3


def test_memory_runs_at_the_same_time_all_count(history: History) -> None:
    registry = Registry(history)
    registry.init([library_root()])

    async def remember(number: int) -> None:
        given = {"action": "remember", "arguments": {"text": f"fact {number}"}}
        await registry.arun("memory/semantic", given)

    async def all_at_once() -> None:
        await asyncio.gather(*(remember(number) for number in range(12)))

    asyncio.run(all_at_once())
    assert {each["text"] for each in registry.get_state("memory/semantic")} == {
        f"fact {number}" for number in range(12)
    }


def test_a_branch_is_made_on_purpose_only(two: tuple[Registry, Registry]) -> None:
    history = two[0].history
    with pytest.raises(NotFoundError, match="mian"):
        Registry(history, branch="mian").register(prompt("c"))
    assert list(history.branches()) == ["main"]


@pytest.mark.parametrize(
    ("author", "message"),
    [("a" * 256, "m"), ("a\x00", "m"), ("a", "m\x00"), ("a", "\ud800"), ("\udfff", "m")],
)
def test_what_a_database_cannot_hold_is_refused_before_it(
    two: tuple[Registry, Registry], author: str, message: str
) -> None:
    registry = Registry(two[0].history, author=author)
    before = registry.history.log()
    with pytest.raises(InputError):
        registry.update(prompt("a", system="New."), message=message)
    assert registry.history.log() == before


@pytest.mark.parametrize("text", ["\x00", "abcdef\x00", "ABCDEF", "%", "______"])
def test_hostile_names_are_simply_not_found(two: tuple[Registry, Registry], text: str) -> None:
    with pytest.raises(NotFoundError):
        two[0].history.find_commit(text)
    with pytest.raises(NotFoundError):
        two[0].version("prompt/a", text)
