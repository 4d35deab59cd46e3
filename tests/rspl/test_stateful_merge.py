"""Two concurrent changes of one state become one, and nothing that either side added is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.rspl.kinds.merging import merge

keys = st.sampled_from("abcdef")
facts = st.dictionaries(keys, st.integers(0, 3)).map(
    lambda found: [{"key": key, "text": f"{key}{n}"} for key, n in found.items()]
)
texts = st.lists(st.text(max_size=2), unique=True)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["x", "y"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3),
    max_leaves=8,
)


def by_key(items: list[dict[str, str]]) -> dict[str, str]:
    return {item["key"]: item["text"] for item in items}


@given(base=facts, mine=facts, theirs=facts)
def test_each_key_is_decided_by_who_changed_it(base: Any, mine: Any, theirs: Any) -> None:
    before, own, other = by_key(base), by_key(mine), by_key(theirs)
    merged = merge(base, mine, theirs, ("key",))
    found = by_key(merged)
    assert len(found) == len(merged), "no key is there twice"
    for key in before.keys() | own.keys() | other.keys():
        sides = (before.get(key), own.get(key), other.get(key))
        if sides[1] == sides[0]:
            expected = sides[2]
        elif sides[2] == sides[0] or sides[1] is not None:
            expected = sides[1]
        else:  # removed here, changed there: it stays
            expected = sides[2]
        assert found.get(key) == expected


@given(base=values, mine=values, theirs=values)
def test_a_change_on_one_side_only_is_that_change(base: Any, mine: Any, theirs: Any) -> None:
    assert merge(base, mine, base) == mine
    assert merge(base, base, theirs) == theirs
    assert merge(base, mine, mine) == mine


@given(base=texts, mine=texts)
def test_items_without_an_identity_are_a_set(base: list[str], mine: list[str]) -> None:
    theirs = [*base, "theirs"]
    merged = merge(base, mine, theirs)
    assert set(merged) == {*mine, "theirs"}
    assert len(merged) == len(set(merged))


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged"),
    [
        (1, 2, 4, 5),
        ({"n": 1}, {"n": 3}, {"n": 2, "m": 1}, {"n": 4, "m": 1}),
        (["a"], ["a", "m"], ["a", "t"], ["a", "t", "m"]),
        (["a", "b"], ["b", "m"], ["a", "b", "t"], ["b", "t", "m"]),
        ("a", "m", "t", "m"),
        (True, False, False, False),
        ({"k": "a"}, {}, {"k": "b"}, {"k": "b"}),
        ({"k": [1]}, {"k": [1, 2]}, {"k": "text"}, {"k": [1, 2]}),
    ],
)
def test_by_hand(base: Any, mine: Any, theirs: Any, merged: Any) -> None:
    assert merge(base, mine, theirs) == merged
