"""Recall ranks by shared words: rare words count more, nothing shared is nothing."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from agp.rspl.recall import relevance, words

texts = st.lists(st.text(alphabet="ab cß中", max_size=20), max_size=6)


def test_a_hand_computed_score() -> None:
    # N = 2, both of length 2: idf = ln(1 + 1.5/1.5) = ln 2, tf part = 1 / (1 + 1.2).
    scores = relevance("Cat!", ["cat sat", "dog sat"])
    assert math.isclose(scores[0], math.log(2) / 2.2)
    assert scores[1] == 0.0


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    scores = relevance("prime number", ["prime one", "number one", "number two", "number three"])
    assert scores[0] > scores[1] > 0


def test_case_and_writing_without_spaces() -> None:
    assert words("Straße STRASSE") == ["strasse", "strasse"]
    assert relevance("素数", ["求素数的和", "天气很好"])[1] == 0
    assert relevance("素数", ["求素数的和", "天气很好"])[0] > 0


@given(query=st.text(alphabet="ab cß中", max_size=12), texts=texts)
def test_a_text_scores_exactly_if_it_shares_a_word(query: str, texts: list[str]) -> None:
    scores = relevance(query, texts)
    assert len(scores) == len(texts)
    for text, score in zip(texts, scores, strict=True):
        assert math.isfinite(score)
        assert (score > 0) == bool(set(words(query)) & set(words(text)))
