"""Splits are disjoint, reproducible and independent of the order of the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.errors import DataError, InputError
from agp.evaluation.splits import Splits, default_sizes, split, split_digest
from agp.evaluation.types import Sample
from agp.runtime.types import Task


def sample(content: int, name: str | None = None) -> Sample:
    return Sample(id=name or f"s{content}", task=Task(input=f"{content}?"), target=str(content))


def ids(samples: list[Sample]) -> list[str]:
    return [one.id for one in samples]


def parts(splits: Splits) -> list[list[str]]:
    return [ids(splits.feedback), ids(splits.selection), ids(splits.holdout)]


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=60),
    st.integers(0, 5),
    st.integers(0, 5),
    st.integers(1, 5),
    st.integers(0, 2**32),
    st.randoms(use_true_random=False),
)
def test_disjoint_reproducible_and_order_independent(
    contents, feedback, selection, holdout, seed, shuffler
):
    samples = [sample(content, f"row{row}") for row, content in enumerate(contents)]
    sizes = {"feedback": feedback, "selection": selection, "holdout": holdout}
    distinct = len(set(contents))
    if distinct < sum(sizes.values()):
        with pytest.raises(DataError, match=f"{distinct} distinct"):
            split(samples, **sizes, seed=seed)
        return
    result = split(samples, **sizes, seed=seed)
    assert [len(part) for part in parts(result)] == list(sizes.values())
    chosen = [*result.feedback, *result.selection, *result.holdout]
    assert len({one.digest for one in chosen}) == len(chosen)
    assert result.duplicates == len(contents) - distinct
    shuffler.shuffle(samples)
    assert split(samples, **sizes, seed=seed) == result


def test_another_seed_divides_otherwise():
    samples = [sample(i) for i in range(40)]
    first, second = (
        split(samples, feedback=10, selection=10, holdout=20, seed=seed) for seed in (1, 2)
    )
    assert parts(first) != parts(second)


def test_resizing_the_others_leaves_the_holdout():
    samples = [sample(i) for i in range(40)]
    small = split(samples, feedback=0, selection=3, holdout=12, seed=7)
    large = split(samples, feedback=8, selection=20, holdout=12, seed=7)
    assert ids(small.holdout) == ids(large.holdout)


def test_of_duplicates_the_smallest_id_is_kept():
    samples = [sample(1, "b"), sample(1, "a"), sample(1, "c")]
    result = split(samples, feedback=0, selection=0, holdout=1, seed=0)
    assert ids(result.holdout) == ["a"]
    assert result.duplicates == 2


def test_digests_name_contents():
    samples = [sample(i) for i in range(9)]
    result = split(samples, feedback=2, selection=3, holdout=4, seed=0)
    digests = {result.feedback_digest, result.selection_digest, result.holdout_digest}
    assert len(digests) == 3
    assert split_digest(list(reversed(result.holdout))) == result.holdout_digest
    renamed = [one.model_copy(update={"id": "x" + one.id}) for one in result.holdout]
    assert split_digest(renamed) == result.holdout_digest


def test_too_few_says_how_many_there_are_and_are_needed():
    samples = [sample(0), sample(0, "again"), sample(1)]
    with pytest.raises(DataError, match=r"2 distinct samples \(1 duplicates.*need 3"):
        split(samples, feedback=1, selection=1, holdout=1, seed=0)


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ((-1, 1, 1), "feedback split has size -1"),
        ((1, -2, 1), "selection split has size -2"),
        ((1, 1, 0), "holdout split has size 0: it must be at least 1"),
    ],
)
def test_wrong_sizes(sizes, says):
    feedback, selection, holdout = sizes
    with pytest.raises(InputError, match=says):
        split([sample(1)], feedback=feedback, selection=selection, holdout=holdout, seed=0)


@given(st.integers(3, 5000))
def test_default_sizes_use_everything(n):
    feedback, selection, holdout = default_sizes(n)
    assert feedback + selection + holdout == n
    assert min(feedback, selection, holdout) >= 1
    assert holdout >= selection >= feedback


def test_default_sizes_by_hand():
    assert default_sizes(100) == (20, 30, 50)
    assert default_sizes(3) == (1, 1, 1)
    with pytest.raises(DataError, match="2 samples"):
        default_sizes(2)
