"""Runs written by hand, whose figures are known: a search of two rounds, as a journal has it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from agp.runs.listing import Step, StoredRun

JsonObject = dict[str, Any]
BEGUN = "2026-01-01T00:00:00+00:00"
CONFIG: JsonObject = {"benchmark": "echo", "optimizer": "reflection", "mode": "prompt", "seed": 0}


def sample(digest: str, score: float | None, tokens: int = 10, **spend: Any) -> JsonObject:
    """A scored sample that cost one call."""
    cost = {"calls": 1, "input_tokens": tokens, "evaluations": 1, "seconds": 0.5, **spend}
    return {"sample": digest, "sample_digest": digest, "score": score, "spend": cost}


def assessed(
    name: str, round_: int, *, accepted: bool = False, rule: str = "screen", **more: Any
) -> JsonObject:
    """An assessment."""
    verdict = {"accepted": accepted, "rule": rule, "reason": "because", "numbers": {"n": 2}}
    proposal = {"id": name, "strategy": "rewrite", "rationale": "why", "edits": []}
    return {"round": round_, "proposal": proposal, "digests": {}, "verdict": verdict, **more}


def steps(*given: tuple[str, str, JsonObject]) -> list[Step]:
    """(key, type, payload) → steps, a second apart."""
    return [
        Step(key, kind, payload, (datetime.fromisoformat(BEGUN) + timedelta(0, number)).isoformat())
        for number, (key, kind, payload) in enumerate(given)
    ]


SPLITS = {"feedback": ["f", "g"], "selection": [*"abcd"], "holdout": [*"xyz"]}
PLANNED = {"baseline": 6, "rounds": 2, "a_round": 8, "promotion": 6}


def ran(name: str, samples: str, *scores: float | None, tokens: int = 10) -> list[Any]:
    """Samples that were run, one after the other."""
    return [
        (f"sample/{name}/{digest}", "sample", sample(digest, score, tokens))
        for digest, score in zip(samples, scores, strict=True)
    ]


def average(tokens: float) -> JsonObject:
    """What the mean sample cost."""
    return {"tokens": tokens, "cost_usd": None, "seconds": 0.5}


def search() -> list[tuple[str, str, JsonObject]]:
    """Baseline on 2 + 4 samples at 1/4; r1c1 dropped on its screen; r1c2 kept at 3/4; holdout."""
    ask = {"text": "{}", "spend": {"calls": 1, "input_tokens": 100, "seconds": 2.0}}
    good = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 0.0}

    def summary(number: int, evaluations: int, *selection: float) -> tuple[str, str, JsonObject]:
        payload = {"round": number, "feedback": [0.0, 1.0], "selection": list(selection)}
        noted = {"evaluations": evaluations, "a_sample": average(10)}
        return f"round/{number}", "round", {**payload, **noted}

    def verdict(name: str, round_: int, **more: Any) -> tuple[str, str, JsonObject]:
        return f"assessment/{name}", "assessment", assessed(name, round_, **more)

    noted = {"scores": good, "a_sample": average(36)}
    return [
        ("start", "start", {"commit": "c"}),
        ("objective", "objective", {"benchmark": "echo", "scorer": "s"}),
        ("plan", "plan", {"plan": PLANNED, "splits": SPLITS}),
        *ran("baseline", "fg", 0.0, 1.0),
        *ran("baseline", "abcd", 1.0, 0.0, 0.0, 0.0),
        summary(0, 6, 1.0, 0.0, 0.0, 0.0),
        ("ask/1/reflect", "ask", ask),
        *ran("r1c1", "f", 0.0),
        *ran("r1c2", "f", 1.0, tokens=20),
        *ran("r1c2", "abcd", *good.values(), tokens=40),
        verdict("r1c1", 1, evaluations=12, scores={}, a_sample=average(10)),
        verdict("r1c2", 1, accepted=True, rule="mean", evaluations=12, **noted),
        *ran("r1c2", "g", 1.0),
        summary(1, 13, *good.values()),
        *ran("r2c1", "f", 0.0),
        verdict("r2c1", 2, evaluations=14, scores={}),
        *ran("vanilla", "xyz", 0.0, 0.0, 1.0),
        *ran("evolved", "xyz", 1.0, 1.0, None),
        ("decision", "decision", {"verdict": {"accepted": False, "rule": "mean", "reason": "no"}}),
        (
            "holdout",
            "holdout",
            {"before": {"x": 0.0, "y": 0.0, "z": 1.0}, "after": {"x": 1.0, "y": 1.0, "z": None}},
        ),
    ]


def until(key: str) -> list[tuple[str, str, JsonObject]]:
    """The search as far as a step, without it."""
    keys = [step[0] for step in search()]
    return search()[: keys.index(key)]


def stored(
    given: list[tuple[str, str, JsonObject]] | None = None, name: str = "evolve-1", **config: Any
) -> StoredRun:
    """A run of these steps; default: `search`."""
    found = steps(*(search() if given is None else given))
    return StoredRun(name, "evolve", "stopped", {**CONFIG, **config}, BEGUN, None, found)
