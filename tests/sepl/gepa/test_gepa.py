"""GEPA both ways: its adapters as objectives, its search as an optimizer."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import agp
from agp.errors import InputError, ModelError
from agp.sepl.functions.optimize import aoptimize
from agp.sepl.gepa.adapter import AdapterScores, takes_prompts
from tests.support.words import Words, optimize

gepa = pytest.importorskip("gepa", reason="GEPA is not installed: pip install gepa")

from gepa.adapters.default_adapter.default_adapter import DefaultAdapter  # noqa: E402
from gepa.core.adapter import EvaluationBatch  # noqa: E402

DATA = [{"input": f"Say {n}.", "additional_context": {}, "answer": str(n)} for n in range(100, 140)]
SPLIT = {"train": DATA[:8], "val": DATA[8:20], "holdout": DATA[20:]}
GOOD = "Say the number."


def model(messages: Sequence[Mapping[str, str]]) -> str:
    """It says the number if it is told to."""
    told, task = messages[0]["content"], messages[1]["content"]
    return task if GOOD in told else "no idea"


def reflection(prompt: str) -> str:
    """A `reflection_lm`: GEPA reads the new instruction out of the fence."""
    assert "Feedback" in prompt
    assert "The correct answer is" in prompt
    return f"```\n{GOOD}\n```"


# -- adapters as objectives ----------------------------------------------------------------


def test_gepas_default_adapter_runs_unchanged() -> None:
    report = agp.optimize({"prompt": "Hi."}, DefaultAdapter(model), proposer=reflection, **SPLIT)
    assert report.commit
    assert report.best == {"prompt": GOOD}
    assert report.vanilla is not None
    assert report.evolved is not None
    assert (report.vanilla.mean, report.evolved.mean) == (0.0, 1.0)


def test_an_adapter_of_several_texts_is_asked_about_one_at_a_time() -> None:
    seed = {"prompt": "Hi.", "other": "there"}
    report = agp.optimize(seed, DefaultAdapter(model), proposer=reflection, rounds=12, **SPLIT)
    assert report.best["prompt"] == GOOD
    assert report.commit


class Adapter:
    """Scores from −1 to 1; it proposes itself."""

    def __init__(self) -> None:
        self.calls = 0

    def evaluate(
        self, batch: list[Any], candidate: dict[str, str], capture_traces: bool = False
    ) -> EvaluationBatch[Any, Any]:
        self.calls += len(batch)
        score = 1.0 if "good" in candidate["a"] else -1.0
        outputs = [f"{candidate['a']}: {each}" for each in batch]
        traces = outputs if capture_traces else None
        return EvaluationBatch(outputs=outputs, scores=[score] * len(batch), trajectories=traces)

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> dict[str, list[dict[str, str]]]:
        shown = [{"seen": each} for each in eval_batch.trajectories]
        return dict.fromkeys(components_to_update, shown)

    def propose_new_texts(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        (component,) = components_to_update
        assert reflective_dataset[component][0]["seen"].startswith(f"{candidate['a']}: question")
        return {component: "good"}


QUESTIONS = {
    "train": [f"question {n}" for n in range(5)],
    "val": [f"question {n}" for n in range(5, 10)],
    "holdout": [f"question {n}" for n in range(10, 30)],
}


def test_an_adapter_that_proposes_and_has_a_scale_of_its_own() -> None:
    adapter = Adapter()
    report = agp.optimize({"a": "bad"}, adapter, scale=(-1, 1), budget=100, **QUESTIONS)
    assert report.best == {"a": "good"}
    assert report.vanilla is not None
    assert report.evolved is not None
    assert (report.vanilla.mean, report.evolved.mean) == (0.0, 1.0)
    assert report.commit
    assert report.spend.evaluations == adapter.calls <= 100


async def test_scores_beyond_the_scale_are_no_scores() -> None:
    (scored,) = await AdapterScores(Adapter())({"a": "bad"}, ["question"])
    assert scored.score is None
    assert "-1" in scored.why
    with pytest.raises(InputError, match="scale"):
        AdapterScores(Adapter(), (1, 1))


def test_an_adapter_that_raises_ends_the_run() -> None:
    class Broken(Adapter):
        def evaluate(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("no server")

    with pytest.raises(ModelError, match="no server"):
        agp.optimize({"a": "bad"}, Broken(), **QUESTIONS)


async def test_an_adapter_that_nobody_proposes_for_is_refused() -> None:
    with pytest.raises(InputError, match="proposes no texts"):
        await aoptimize({"prompt": "Hi."}, DefaultAdapter(model), **SPLIT)


def test_a_reflection_model_is_told_from_a_proposer() -> None:
    assert takes_prompts(reflection)
    assert takes_prompts(lambda prompt, temperature=1.0: prompt)
    assert not takes_prompts(lambda texts, feedback, rng: texts)
    assert not takes_prompts(lambda *given: None)


# -- GEPA as an optimizer ------------------------------------------------------------------


def test_its_best_is_gated_like_any_other() -> None:
    report = optimize(optimizer="gepa", budget=250)
    assert report.commit
    assert report.decision is not None
    assert report.decision.numbers["n"] == 20
    assert [line.strategy for line in report.proposals] == ["gepa"]

    def worse(texts: dict[str, str], feedback: Any, rng: random.Random) -> dict[str, str]:
        return {"text": f"nothing {rng.random()}"}

    report = optimize(optimizer="gepa", budget=120, seed="think", proposer=worse)
    assert report.commit is None


@pytest.mark.parametrize("budget", [64, 65, 80, 111, 200])
def test_it_never_exceeds_the_budget(budget: int) -> None:
    metric = Words()
    report = optimize(metric=metric, optimizer="gepa", budget=budget)
    assert report.spend.evaluations == len(metric.calls) <= budget


def test_its_settings_are_parameters() -> None:
    report = optimize(optimizer="gepa", budget=150, parameters={"reflection_minibatch_size": 1})
    assert report.conclusion


class Killed(BaseException):
    """Stands for a kill."""


@pytest.mark.parametrize("deadly", [5, 40, 90])
def test_a_resumed_search_comes_out_the_same(tmp_path: Path, deadly: int) -> None:
    given: dict[str, Any] = {"optimizer": "gepa", "budget": 160}
    expected, calls = optimize(metric=Words(), **given), 0

    class Dying(Words):
        def __call__(self, texts: dict[str, str], example: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == deadly:
                raise Killed
            return super().__call__(texts, example)

    with pytest.raises(Killed):
        optimize(tmp_path / "s.db", Dying(), **given)
    report = optimize(tmp_path / "s.db", Dying(), resume=True, **given)
    same = {"best", "vanilla", "evolved", "rounds", "proposals", "decision"}
    assert report.model_dump(include=same) == expected.model_dump(include=same)
