"""Three-way merging of lines and JSON values, as laws over random values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.rspl.lineage.three_way import ABSENT, Clash, PartMerge, marked, merge_lines, same

LINES = st.lists(st.sampled_from("abcd"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab\n", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    ),
    max_leaves=8,
)


def merged(base: Any, ours: Any, theirs: Any, take: str | None = None) -> tuple[Any, list[str]]:
    """The merged value and the paths in conflict."""
    parts = PartMerge(lambda *_: None, take)
    return parts.merge(base, ours, theirs), [each.path for each in parts.conflicts]


def swapped(chunk: Any) -> Any:
    return Clash(chunk.base, chunk.theirs, chunk.ours) if isinstance(chunk, Clash) else chunk


@given(LINES, LINES, LINES)
def test_exchanging_the_sides_only_exchanges_them_in_conflicts(
    base: list[str], ours: list[str], theirs: list[str]
) -> None:
    chunks = merge_lines(base, ours, theirs)
    assert [swapped(chunk) for chunk in chunks] == merge_lines(base, theirs, ours)


@given(LINES, LINES)
def test_what_one_side_did_is_what_comes_out(base: list[str], side: list[str]) -> None:
    for ours, theirs in ((side, base), (base, side), (side, side)):
        chunks = merge_lines(base, ours, theirs)
        assert [line for chunk in chunks for line in chunk] == side


@given(st.integers(3, 12), st.data())
def test_changes_of_lines_apart_from_each_other_are_all_kept(
    size: int, data: st.DataObject
) -> None:
    base = [f"line {n}" for n in range(size)]
    kinds = st.sampled_from(["replace", "delete", "insert"])
    first = data.draw(st.integers(0, size - 3))
    second = data.draw(st.integers(first + 2, size - 1))

    def change(line: int, kind: str, text: str) -> list[str]:
        new = {"replace": [text], "delete": [], "insert": [text, base[line]]}[kind]
        return [*base[:line], *new, *base[line + 1 :]]

    one, two = data.draw(kinds), data.draw(kinds)
    ours, theirs = change(first, one, "ours"), change(second, two, "theirs")
    lines = [line for chunk in merge_lines(base, ours, theirs) for line in chunk]
    assert ("ours" in lines) == (one != "delete")
    assert ("theirs" in lines) == (two != "delete")
    untouched = set(range(size)) - {first, second}
    assert {f"line {n}" for n in untouched} <= set(lines)
    assert len(lines) == size + (len(ours) - size) + (len(theirs) - size)


def test_a_clash_is_shown_with_all_three_sides_and_what_is_around_it() -> None:
    chunks = merge_lines(["a", "b", "c"], ["a", "x", "c"], ["a", "y", "c"])
    assert marked(chunks).split("\n") == [
        "a",
        *["<<<<<<< ours", "x", "||||||| base", "b", "=======", "y", ">>>>>>> theirs"],
        "c",
    ]


@given(JSON, JSON, JSON)
def test_json_merges_alike_from_both_sides(base: Any, ours: Any, theirs: Any) -> None:
    one, conflicts = merged(base, ours, theirs)
    other, same_conflicts = merged(base, theirs, ours)
    assert sorted(conflicts) == sorted(same_conflicts)
    if not conflicts:
        assert same(one, other)


@given(JSON, JSON)
def test_json_that_one_side_changed_is_taken_from_it(base: Any, side: Any) -> None:
    for ours, theirs in ((side, base), (base, side), (side, side)):
        value, conflicts = merged(base, ours, theirs)
        assert same(value, side)
        assert conflicts == []


@given(JSON, JSON, JSON)
def test_a_side_taken_leaves_no_conflict(base: Any, ours: Any, theirs: Any) -> None:
    _, conflicts = merged(base, ours, theirs)
    value, left = merged(base, ours, theirs, take="theirs")
    assert left == []
    if conflicts == [""]:
        assert same(value, theirs)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 2}),
        ({"a": 1}, {"a": 1, "b": 2}, {"a": 1, "c": 3}, {"a": 1, "b": 2, "c": 3}),
        ({"a": 1, "b": 1}, {"b": 1}, {"a": 1, "b": 2}, {"b": 2}),
        ({}, {"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
        (["a", "b", "c"], ["b", "c"], ["a", "b", "d"], ["b", "d"]),
        ([{"n": 1}, 2, 3], [{"n": 1.0}, 2, 4], [{"n": 9}, 2, 3], [{"n": 9}, 2, 4]),
        ("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC", "A\nb\nC"),
        ("a\u2028b\rc", "a\u2028b\rc\n!", "a\u2028b\rc", "a\u2028b\rc\n!"),
    ],
)
def test_parts_that_do_not_touch_merge(base: Any, ours: Any, theirs: Any, expected: Any) -> None:
    assert merged(base, ours, theirs) == (expected, [])


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "path"),
    [
        ({"a": 1}, {"a": 2}, {"a": 3}, "a"),
        ({"a": 1}, {"a": True}, {"a": 2}, "a"),
        ({"a": {"b": 1}}, {}, {"a": {"b": 2}}, "a"),
        ({"a": {"b": 1}}, {"a": {"b": [1]}}, {"a": {"b": "1"}}, "a/b"),
        ({}, {"a": "x"}, {"a": "y"}, "a"),
        ({"a": "x"}, {"a": "y"}, {"a": "z"}, "a"),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 3]}, "a"),
        ({"a": None}, {"a": 1}, {}, "a"),
    ],
)
def test_parts_that_both_sides_changed_are_conflicts(
    base: Any, ours: Any, theirs: Any, path: str
) -> None:
    assert merged(base, ours, theirs)[1] == [path]


def test_null_is_a_value_and_no_part_is_none() -> None:
    parts = PartMerge(lambda *_: None)
    parts.merge({"a": 1}, {"a": None}, {})
    (conflict,) = parts.conflicts
    assert conflict.ours is None
    assert conflict.theirs is ABSENT
    assert conflict.why == "our side changed it, their side removed it"


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        (["t1", "t2"], ["x", "t1", "t2"], ["t1", "t2", "x"], ["x", "t1", "t2"]),
        (["t1", "t2", "x"], ["x", "t1", "t2"], ["t1", "x", "t2"], ["x", "t1", "t2"]),
        (["t1"], ["x", "t1"], ["t1", "y"], ["x", "t1", "y"]),
        ([1, 1, 2], [1, 1, 2, 3], [0, 1, 1, 2], [0, 1, 1, 2, 3]),
        ([{"a": 1}, 2], [0, {"a": 1}, 2], [{"a": 1}, 2, 0], [0, {"a": 1}, 2]),
    ],
)
def test_what_both_sides_added_to_a_list_is_there_once(
    base: list[Any], ours: list[Any], theirs: list[Any], expected: list[Any]
) -> None:
    assert merged(base, ours, theirs) == (expected, [])
    assert merged(base, theirs, ours) == (expected, [])


@given(LINES, LINES, LINES)
def test_a_merged_list_has_no_element_more_often_than_its_sides(
    base: list[str], ours: list[str], theirs: list[str]
) -> None:
    value, conflicts = merged(base, ours, theirs)
    if not conflicts:
        assert all(value.count(e) <= max(ours.count(e), theirs.count(e)) for e in value)
        assert {*ours, *theirs} - {*base} <= {*value}
