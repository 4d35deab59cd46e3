"""η(a, b): hand-counted distances, and what must hold for all texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.sepl.similarity import similarity, tokens

texts = st.lists(st.sampled_from(["the", "sum", "is", "4", "5", ".", "東"]), max_size=12).map(
    " ".join
)


def test_tokens_are_words_and_single_signs() -> None:
    assert tokens("It's 3.5 km,\n foo_bar(東京)") == [
        *("It", "'", "s", "3", ".", "5", "km", ",", "foo_bar", "(", "東", "京", ")"),
    ]
    assert tokens(" \n\t") == []


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("the sum is 4", "the sum is 5", 1 - 1 / 4),  # 1 replacement, 4 tokens
        ("the sum is 4", "sum is 4", 1 - 1 / 4),  # 1 deletion, the longer has 4 tokens
        ("a b c", "c b a", 1 - 2 / 3),  # 2 replacements
        ("a b", "a x b y z", 1 - 3 / 5),  # 3 insertions, the longer has 5 tokens
        ("ab", "a b", 0.0),  # 'ab' is another token than 'a' and than 'b'
        ("42", "43", 0.0),  # single tokens are equal or not
        ("a  b\n", "a b", 1.0),  # white space does not count
        ("", "", 1.0),
        ("", "a", 0.0),
    ],
)
def test_by_hand(a: str, b: str, expected: float) -> None:
    assert similarity(a, b) == pytest.approx(expected, abs=1e-12)


@given(texts, texts)
def test_bounded_symmetric_and_one_on_itself(a: str, b: str) -> None:
    eta = similarity(a, b)
    assert 0.0 <= eta <= 1.0
    assert eta == similarity(b, a)
    assert similarity(a, a) == 1.0
    assert (eta == 1.0) == (tokens(a) == tokens(b))


@given(texts, texts, st.text(alphabet="xyz ", max_size=20))
def test_a_common_beginning_never_makes_texts_less_alike(a: str, b: str, start: str) -> None:
    assert similarity(f"{start} {a}", f"{start} {b}") >= similarity(a, b) - 1e-12


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_at_all(a: str, b: str) -> None:
    assert 0.0 <= similarity(a, b) == similarity(b, a) <= 1.0
