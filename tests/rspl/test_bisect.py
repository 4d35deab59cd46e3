"""Bisection: the commit that lost the points, in few measurements, or a clear reason why not."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agp.errors import InputError, NotFoundError
from agp.rspl.commits import Commit
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.history import History
from agp.rspl.lineage.bisect import Score, abisect, bisect
from agp.rspl.lineage.merge import merge_branch
from agp.rspl.registry import Registry
from agp.store.database import Database

from .branching import SPELL, SPELLING, forked, spell
from .helpers import prompt, record

AGENT = ResourceId(EntityType.AGENT, "it")
Scores = dict[str, Score]


def judge_by(history: History, scores: Scores) -> tuple[Callable[[Commit], Score], list[str]]:
    """A judge who goes by the prompt's text, and the list of what it was asked."""
    asked: list[str] = []

    def judge(commit: Commit) -> Score:
        text = history.view_at(commit.id).record(SPELLING).params["system"]
        asked.append(text)
        return scores[text]

    return judge, asked


def versions(history: History, texts: list[str]) -> tuple[Registry, list[str]]:
    """An agent whose prompt has these texts one after another; and the commits."""
    main = Registry(history)
    main.register(prompt(system=texts[0]))
    agent = main.register(record(EntityType.AGENT, "uses the prompt"))
    assert agent is not None
    commits = [agent.id]
    for text in texts[1:]:
        commit = main.update(prompt(system=text))
        assert commit is not None
        commits.append(commit.id)
    return main, commits


@given(size=st.integers(2, 16), data=st.data())
@settings(max_examples=10, deadline=None)
def test_the_first_bad_commit_is_found_in_logarithmic_time(size: int, data: st.DataObject) -> None:
    first_bad = data.draw(st.integers(1, size - 1))
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "store.db")
        history = History(database)
        texts = [str(number) for number in range(size)]
        _, commits = versions(history, texts)
        scores: Scores = {str(n): 0.75 if n < first_bad else 0.5 for n in range(size)}
        judge, asked = judge_by(history, scores)
        found = bisect(history, commits[0], "main", judge, agent=AGENT)
        assert found.first_bad is not None
        assert found.first_bad.commit == commits[first_bad]
        assert len(asked) == len(found.judged) <= 2 + math.ceil(math.log2(size))
        assert (found.threshold, found.commits) == (0.625, size - 1)
        database.close()


@given(size=st.integers(3, 12), data=st.data())
@settings(max_examples=10, deadline=None)
def test_what_cannot_be_judged_is_stepped_around(size: int, data: st.DataObject) -> None:
    first_bad = data.draw(st.integers(1, size - 1))
    unknown = data.draw(st.sets(st.integers(1, size - 2)))
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "store.db")
        history = History(database)
        _, commits = versions(history, [str(number) for number in range(size)])
        scores: Scores = {str(n): n < first_bad for n in range(size)}
        judge, asked = judge_by(history, {**scores, **{str(n): None for n in unknown}})
        found = bisect(history, commits[0], commits[-1], judge)
        suspects = [each.commit for each in found.suspects]
        assert commits[first_bad] in suspects
        certain = {commits[n] for n in range(size) if n not in unknown}
        assert set(suspects[:-1]).isdisjoint(certain)
        assert suspects[-1] in certain
        assert (found.first_bad is None) == (len(suspects) > 1)
        assert len(asked) == len(set(asked))
        database.close()


def test_commits_that_do_not_touch_the_agent_are_never_measured(history: History) -> None:
    main, commits = versions(history, ["good"])
    for number in range(9):
        main.register(prompt(f"other.{number}"))
    bad = main.update(prompt(system="bad"))
    for number in range(9):
        main.unregister(prompt(f"other.{number}").id)
    judge, asked = judge_by(history, {"good": 1.0, "bad": 0.0})
    found = bisect(history, commits[0], "main", judge, agent=AGENT)
    assert bad is not None
    assert found.first_bad is not None
    assert found.first_bad.commit == bad.id
    assert asked == ["good", "bad"]
    assert (found.commits, found.relevant) == (19, 1)


def test_what_came_back_is_not_measured_again(history: History) -> None:
    texts = ["good", "other", "good", "also", "good", "bad"]
    _, commits = versions(history, texts)
    judge, asked = judge_by(history, {"good": 1.0, "other": 0.9, "also": 0.8, "bad": 0.1})
    found = bisect(history, commits[0], "main", judge, agent=AGENT)
    assert found.first_bad is not None
    assert found.first_bad.commit == commits[-1]
    assert asked.count("good") == 1


def test_a_commit_where_the_agent_is_missing_is_stepped_around(history: History) -> None:
    main, commits = versions(history, ["good"])
    main.unregister(AGENT)
    main.update(prompt(system="bad"))
    restored = main.restore(AGENT, "1.0.0")
    judge, asked = judge_by(history, {"good": True, "bad": False})
    found = bisect(history, commits[0], "main", judge, agent=AGENT)
    assert restored is not None
    assert [each.commit for each in found.suspects][-1] == restored.id
    assert len(found.suspects) == 3
    assert asked == ["good", "bad"]


def test_a_merge_is_one_step_and_its_evidence_is_told(history: History) -> None:
    main, trial = forked(history)
    base = main.view().commit or ""
    spell(main, "one", "ONE")
    spell(trial, "four", "4")
    spell(trial, "five", "5")
    done = merge_branch(main, "trial")

    async def judge(commit: Commit) -> float:
        await asyncio.sleep(0)
        text = history.view_at(commit.id).record(SPELLING).params["system"]
        return 0.2 if "5" in text else 0.9

    found = bisect(history, base, "main", judge)
    assert found.first_bad is not None
    assert found.first_bad.commit == done.commit
    assert found.first_bad.evidence["merged"] == done.heads.theirs
    assert [(each.score, each.good) for each in found.judged] == [
        (0.9, True),
        (0.2, False),
        (0.9, True),
    ]


async def test_it_can_be_awaited_and_the_threshold_set(history: History) -> None:
    _, commits = versions(history, ["a", "b", "c"])
    judge, _ = judge_by(history, {"a": 0.9, "b": 0.7, "c": 0.1})
    found = await abisect(history, commits[0], commits[2], judge, threshold=0.8)
    assert found.first_bad is not None
    assert found.first_bad.commit == commits[1]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"a": 0.5, "b": 0.5}, "Nothing was lost from .* 0.5 and 0.5"),
        ({"a": 0.5, "b": 0.9}, "Nothing was lost"),
        ({"a": False, "b": False}, "Nothing was lost"),
        ({"a": True, "b": True}, "Nothing was lost"),
        ({"a": None, "b": 0.5}, "cannot be judged"),
        ({"a": 0.5, "b": None}, "main cannot be judged"),
    ],
)
def test_ends_that_are_not_what_is_said_are_refused(
    history: History, scores: Scores, message: str
) -> None:
    _, commits = versions(history, ["a", "b"])
    judge, _ = judge_by(history, scores)
    with pytest.raises(InputError, match=message) as caught:
        bisect(history, commits[0], "main", judge, agent=AGENT)
    assert caught.value.hint


def test_ends_that_do_not_fit_together_are_refused(history: History) -> None:
    main, commits = versions(history, ["a", "b"])
    judge, asked = judge_by(history, {})
    with pytest.raises(InputError, match="does not lead to"):
        bisect(history, "main", commits[0], judge)
    with pytest.raises(InputError, match="the same at"):
        bisect(history, commits[1], "main", judge)
    main.register(prompt("other", system=SPELL))
    with pytest.raises(InputError, match="agent/it is the same at"):
        bisect(history, commits[1], "main", judge, agent=AGENT)
    with pytest.raises(NotFoundError, match="nowhere"):
        bisect(history, "nowhere", "main", judge)
    assert asked == []


@pytest.mark.parametrize("unknown", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_stepped_around(history: History, unknown: float) -> None:
    texts = [f"text {number}" for number in range(9)]
    _, commits = versions(history, texts)
    scores: Scores = {text: float(number < 6) for number, text in enumerate(texts)}
    scores[texts[4]] = unknown
    judge, asked = judge_by(history, scores)
    found = bisect(history, commits[0], commits[8], judge)
    assert texts[4] in asked
    assert [each.commit for each in found.suspects] == [commits[6]]
    assert [each.score for each in found.judged if each.good is None] == [None]


@pytest.mark.parametrize("unknown", [math.nan, math.inf])
def test_ends_and_thresholds_that_are_no_numbers_are_refused(
    history: History, unknown: float
) -> None:
    _, commits = versions(history, ["good", "bad"])
    judge, _ = judge_by(history, {"good": unknown, "bad": 0.0})
    with pytest.raises(InputError, match="cannot be judged"):
        bisect(history, commits[0], commits[1], judge)
    judge, _ = judge_by(history, {"good": 1.0, "bad": 0.0})
    with pytest.raises(InputError, match="threshold"):
        bisect(history, commits[0], commits[1], judge, threshold=unknown)


def test_a_verdict_that_is_no_score_is_refused_with_its_commit(history: History) -> None:
    _, commits = versions(history, ["good", "bad"])
    said: Any = "0.5"
    with pytest.raises(InputError, match=f"{commits[0][:12]}.*'0.5'.*no score"):
        bisect(history, commits[0], commits[1], lambda _: said)
