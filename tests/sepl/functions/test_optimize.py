"""`agp.optimize` from end to end: what it finds, commits, keeps and refuses."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from agp.cli.main import app
from agp.errors import AgpError, InputError, ModelError, NotFoundError, ProposerError
from agp.evaluation.types import Score
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.runs.journal import list_runs
from agp.sepl.functions.metric import OneByOne
from agp.sepl.gate import Policy, Rule
from agp.store.database import Database
from tests.support.words import (
    EXAMPLES,
    FEEDBACK,
    HOLDOUT,
    NEEDED,
    SEED,
    SELECTION,
    Words,
    optimize,
    propose,
    score,
)

PROMPT = ResourceId.parse("prompt/objective.text")


def history(store: Path) -> History:
    return History(Database(store))


def live(store: Path) -> str:
    """The text that is live in a store."""
    return history(store).view("main").record(PROMPT).params["system"]


# -- what it finds and commits -------------------------------------------------------------


def test_an_improvement_is_committed_with_its_evidence(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    report = optimize(store)
    assert report.commit
    assert report.decision is not None
    assert report.decision.accepted
    assert (report.splits["feedback"], report.splits["selection"], report.splits["holdout"]) == (
        8,
        12,
        20,
    )
    assert report.vanilla is not None
    assert report.evolved is not None
    assert report.vanilla.mean == 0.0
    assert report.evolved.mean == pytest.approx(score(report.best["text"]))
    assert all(word in report.best["text"] for word in NEEDED)
    assert live(store) == report.best["text"]
    commit = history(store).find_commit(report.commit)
    assert commit.operator == "evolve"
    assert commit.evidence["run"] == report.run
    assert commit.evidence["numbers"]["n"] == 20
    shown = CliRunner().invoke(app, ["log", "--store", str(store)])
    assert shown.exit_code == 0, shown.output
    assert report.commit[:8] in shown.output


def test_it_goes_on_from_what_is_live(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    first = optimize(store, rounds=3)
    metric = Words()
    optimize(store, metric, rounds=1)
    assert metric.calls[0][0] == first.best["text"] == live(store) != SEED


def test_a_changed_seed_is_the_next_version(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    optimize(store, rounds=3)
    metric = Words()
    optimize(store, metric, seed="Reply.", rounds=1, proposer=lambda *_: None)
    assert {text for text, _ in metric.calls} == {"Reply."}
    assert live(store) == "Reply."
    versions = [version for version, _ in history(store).versions(PROMPT)]
    assert len(versions) == len(set(versions)) == 3


def test_without_a_holdout_nothing_is_committed(tmp_path: Path) -> None:
    report = optimize(tmp_path / "s.db", holdout=None)
    assert report.commit is None
    assert report.decision is None
    assert "without a holdout" in report.conclusion
    assert score(report.best["text"]) == 1.0
    assert live(tmp_path / "s.db") == SEED


def test_train_alone_is_divided_in_three() -> None:
    report = optimize(train=EXAMPLES, val=None, holdout=None)
    assert sum(report.splits.values()) == 40
    assert report.commit


def test_several_texts_have_their_names() -> None:
    def metric(texts: dict[str, str], example: str) -> float:
        return (("a" in texts["Plan A!"]) + ("b" in texts["plan-a"])) / 2

    def better(texts: dict[str, str], feedback: Any, rng: random.Random) -> dict[str, str]:
        return {"Plan A!": "a"} if "a" not in texts["Plan A!"] else {"plan-a": "b"}

    report = optimize(metric=metric, seed={"Plan A!": "x", "plan-a": "y"}, proposer=better)
    assert report.best == {"Plan A!": "a", "plan-a": "b"}
    assert report.commit


def test_what_is_worse_never_goes_live(tmp_path: Path) -> None:
    report = optimize(
        tmp_path / "s.db",
        seed="think check",
        proposer=lambda texts, feedback, rng: {"text": "nothing"},
        gate=Policy(rule=Rule.NON_DEGRADING),
    )
    assert report.commit is None
    assert live(tmp_path / "s.db") == "think check"


# -- what a metric may return --------------------------------------------------------------


async def _async(texts: dict[str, str], example: str) -> float:
    await asyncio.sleep(0)
    return score(texts["text"])


METRICS = [
    _async,
    lambda texts, example: (score(texts["text"]), "words are missing"),
    lambda texts, example: {"score": score(texts["text"]), "output": "o", "feedback": "f"},
    lambda texts, example: Score(value=score(texts["text"]), answer="a", feedback="f"),
]


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("metric", METRICS, ids=["async", "tuple", "mapping", "Score"])
def test_forms_of_scores(metric: Any, concurrency: int) -> None:
    assert optimize(metric=metric, concurrency=concurrency).best == optimize().best


def test_the_proposer_sees_examples_scores_and_feedback() -> None:
    seen: list[dict[str, Any]] = []

    def tell(texts: dict[str, str], feedback: list[dict[str, Any]], rng: random.Random) -> None:
        seen.extend(feedback)

    optimize(
        metric=lambda t, e: {"score": 0.25, "output": f"said {e}", "feedback": "no"},
        proposer=tell,
        rounds=1,
    )
    assert seen
    for each in seen:
        example = each["example"]
        assert example in FEEDBACK
        assert each == {
            "example": example,
            "score": 0.25,
            "output": f"said {example}",
            "feedback": "no",
        }


async def test_a_plain_function_runs_in_as_many_threads_as_asked_for() -> None:
    together = threading.Barrier(12, timeout=30)
    scores = OneByOne(lambda texts, example: float(together.wait() >= 0), concurrency=12)
    assert [s.score for s in await scores({"text": ""}, range(12))] == [1.0] * 12


# -- what cannot be scored -----------------------------------------------------------------


def test_an_example_that_raises_is_unscored_and_counts_0(tmp_path: Path) -> None:
    def metric(texts: dict[str, str], example: str) -> float:
        if example == HOLDOUT[3]:
            raise KeyError("gone")
        return score(texts["text"])

    report = optimize(tmp_path / "s.db", metric)
    assert report.commit
    assert report.evolved is not None
    assert len(report.unscored) == 2
    assert "KeyError" in report.unscored[0]
    assert report.evolved.mean == pytest.approx(1.0)


def test_an_unscored_selection_example_counts_0_in_the_search() -> None:
    def metric(texts: dict[str, str], example: str) -> float:
        if example == SELECTION[0]:
            raise RuntimeError
        return 1.0

    report = optimize(metric=metric, rounds=1)
    assert [line.selection for line in report.rounds] == [1.0]
    assert report.commit is None


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), True, 1.5, -0.1, "1", None])
def test_five_samples_in_a_row_that_cannot_be_scored_end_the_run(bad: Any) -> None:
    calls: list[Any] = []

    def metric(texts: dict[str, str], example: str) -> Any:
        calls.append(example)
        return bad

    with pytest.raises(ModelError, match=r"5 samples in a row could not be scored.*score"):
        optimize(metric=metric)
    assert len(calls) <= 10  # a batch


def test_unscored_samples_stay_within_the_budget() -> None:
    """A sample that can never be scored is paid for once for each candidate."""
    calls: list[Any] = []

    def metric(texts: dict[str, str], example: str) -> float:
        calls.append(example)
        if example in (EXAMPLES[0], EXAMPLES[5]):
            raise RuntimeError("never")
        return score(texts["text"])

    report = optimize(
        metric=metric,
        train=EXAMPLES[:8],
        val=EXAMPLES[:8],
        holdout=HOLDOUT,
        optimizer="reflection",
        rounds=30,
        budget=80,
    )
    assert report.decision is not None  # what the holdout needs was kept for it
    assert len(calls) <= 80


# -- examples ------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Item:
    question: str
    tags: frozenset[str]


class Opaque:
    __slots__ = ()


def test_examples_of_any_kind_reach_the_metric_as_they_are() -> None:
    train = [Item(f"q{n}", frozenset({"x", str(n)})) for n in range(20)]
    seen: set[Item] = set()

    def metric(texts: dict[str, str], example: Item) -> float:
        seen.add(example)
        return 0.5

    optimize(metric=metric, train=train, val=None, holdout=None, proposer=lambda *_: None)
    assert seen <= set(train)
    assert len(seen) > 5


@pytest.mark.parametrize("bad", [Opaque(), lambda: 1, {"x": Opaque()}, float("nan")])
def test_examples_without_content_are_refused(bad: Any) -> None:
    metric = Words()
    with pytest.raises(InputError, match="has no content"):
        optimize(metric=metric, train=[bad, *FEEDBACK])
    assert not metric.calls


def test_an_example_given_twice_counts_once_and_where_it_decides() -> None:
    report = optimize(
        train=[*EXAMPLES[:10], EXAMPLES[0]],
        val=EXAMPLES[5:20],
        holdout=EXAMPLES[15:],
        rounds=1,
    )
    assert report.splits == {"feedback": 5, "selection": 10, "holdout": 25}


@pytest.mark.parametrize(
    "given",
    [
        {"train": [], "val": None, "holdout": None},
        {"train": [], "val": SELECTION},
        {"train": FEEDBACK, "val": []},
        {"train": HOLDOUT},
        {"train": EXAMPLES[:2], "val": None, "holdout": None},
    ],
)
def test_too_few_examples_are_refused_before_anything_is_spent(given: dict[str, Any]) -> None:
    metric = Words()
    with pytest.raises(InputError):
        optimize(metric=metric, **given)
    assert not metric.calls


# -- bad input -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"optimizer": "paretto"}, NotFoundError),
        ({"metric": 3}, InputError),
        ({"seed": {}}, InputError),
        ({"seed": {"text": 4}}, InputError),
        ({"proposer": None}, InputError),
        ({"proposer": 7}, InputError),
        ({"concurrency": 0}, InputError),
        ({"candidates": 0}, InputError),
        ({"rounds": 0}, InputError),
        ({"budget": -1}, InputError),
        ({"parameters": {"greed": 2}}, InputError),
        ({"parameters": {"nonsense": 2}}, InputError),
    ],
)
def test_bad_settings_are_refused_before_anything_is_spent(
    given: dict[str, Any], error: type[InputError]
) -> None:
    metric = Words()
    with pytest.raises(error):
        optimize(**{"metric": metric, **given})
    assert not metric.calls


def test_three_replies_of_rubbish_in_a_row_end_the_run_quoting_the_last(tmp_path: Path) -> None:
    replies = iter([7, {"text": "a think"}, ["x"], {"other": "y"}, {"text": 5}, "never asked"])
    with pytest.raises(ProposerError, match=r"3 replies .* in a row.*\{'text': 5\}"):
        optimize(tmp_path / "s.db", proposer=lambda *_: next(replies))
    assert next(replies) == "never asked"
    assert list_runs(Database(tmp_path / "s.db"))[0].status == "failed"
    again = optimize(tmp_path / "s.db", resume=True)  # resuming would not help: a new run
    assert again.commit


def test_a_proposer_that_raises_ends_the_run_which_goes_on_later(tmp_path: Path) -> None:
    calls = 0

    def dying(*given: Any) -> dict[str, str]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError("no network")
        return propose(*given)

    first, second = Words(), Words()
    with pytest.raises(ModelError, match="OSError: no network"):
        optimize(tmp_path / "s.db", first, proposer=dying)
    report = optimize(tmp_path / "s.db", second, resume=True)
    whole = Words()
    assert report.best == optimize(metric=whole).best
    assert first.calls + second.calls == whole.calls


# -- resuming ------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for a kill."""


SAME = {"best", "vanilla", "evolved", "rounds", "proposals", "decision", "changes", "splits"}


@pytest.mark.parametrize("optimizer", ["pareto", "reflection", "best_of_n", "grpo"])
def test_a_resumed_run_comes_out_the_same(tmp_path: Path, optimizer: str) -> None:
    given = {"optimizer": optimizer, "budget": 100, "rounds": 9, "candidates": 2}
    whole = Words()
    report = optimize(tmp_path / "whole.db", whole, **given)
    for number, deadly in enumerate([25, len(whole.calls) - 5]):
        store = tmp_path / f"{number}.db"
        done = Words()

        def metric(
            texts: dict[str, str], example: str, done: Words = done, deadly: int = deadly
        ) -> float:
            if len(done.calls) == deadly:
                raise Killed
            return done(texts, example)

        # The same function, so the same objective, before and after.
        with pytest.raises(Killed):
            optimize(store, metric, **given)
        deadly_before, metric.__defaults__ = metric.__defaults__, (done, -1)
        assert deadly_before
        resumed = optimize(store, metric, resume=True, **given)
        assert resumed.model_dump(include=SAME) == report.model_dump(include=SAME)
        assert len(done.calls) - len(whole.calls) <= 9  # less than a batch was in flight


def stop(store: Path, metric: Any, **given: Any) -> None:
    """Leave a run unfinished."""

    def dying(*given: Any) -> Any:
        raise Killed

    with pytest.raises(Killed):
        optimize(store, metric, proposer=dying, **given)


@pytest.mark.parametrize(
    "other", [{"random_seed": 1}, {"optimizer": "best_of_n"}, {"rounds": 9}, {"candidates": 3}]
)
def test_resuming_with_other_settings_is_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    stop(tmp_path / "s.db", Words())
    metric = Words()
    with pytest.raises(InputError, match=rf"other settings: .*{next(iter(other)).split('_')[-1]}"):
        optimize(tmp_path / "s.db", metric, resume=True, **other)
    assert not metric.calls


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"metric": lambda texts, example: 0.5}, "scorer"),
        ({"train": FEEDBACK[1:]}, "feedback"),
        ({"val": SELECTION[1:]}, "selection"),
        ({"holdout": HOLDOUT[1:]}, "holdout"),
    ],
)
def test_resuming_with_another_objective_is_refused(
    tmp_path: Path, other: dict[str, Any], named: str
) -> None:
    stop(tmp_path / "s.db", Words())
    metric = Words()
    with pytest.raises(AgpError, match=f"objective changed: {named}"):
        optimize(tmp_path / "s.db", **{"metric": metric, "resume": True, **other})
    assert not metric.calls


def test_resume_finds_the_unfinished_run_with_these_settings(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    stop(store, Words(), random_seed=1)
    stop(store, Words(), random_seed=2)
    first = optimize(store, resume=True, random_seed=1)
    assert first.seed == 1
    assert [row.status for row in list_runs(Database(store))].count("finished") == 1
    assert len(list_runs(Database(store))) == 2


def test_resume_without_an_unfinished_run_begins_one(tmp_path: Path) -> None:
    assert optimize(tmp_path / "s.db", resume=True).commit


# -- runs at the same time -----------------------------------------------------------------


async def test_runs_on_one_store_at_once(tmp_path: Path) -> None:
    Database(tmp_path / "s.db").close()

    def one(name: str) -> str:
        return optimize(tmp_path / "s.db", name=name).best["text"]

    found = await asyncio.gather(*(asyncio.to_thread(one, f"o{n}") for n in range(3)))
    assert found == [optimize().best["text"]] * 3
    assert len(history(tmp_path / "s.db").log()) == 6
