"""An A/A run: the same agent again and again, to see what a difference by chance looks like.

Nothing is proposed and nothing changes. The numbers say how large a difference two identical
agents show on this benchmark, and how often each rule of the gate would have accepted one.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from pydantic import BaseModel, Field

from agp.errors import InputError
from agp.evaluation.results import SampleResult
from agp.evaluation.types import Benchmark
from agp.rspl.history import History
from agp.runs.bench import models_of, start_view
from agp.runs.config import RunConfig, at_least
from agp.runs.journal import Journal
from agp.runs.observer import Observer
from agp.runs.report import Report, ScoreLine
from agp.runs.workbench import Means, agent_of, prepare
from agp.sepl.gate import Policy, Rule
from agp.sepl.looks import Looks, averaged

KIND = "noise"
DRAWS = 400
"""A/A comparisons drawn from the repetitions, for each rule."""
_LEVEL = 0.95
_SHOWN = 10
DETERMINISTIC = (
    "Every repetition gave the same scores: there is no noise here, and repeating samples tells "
    "nothing. Models at temperature 0 do that (the embedded one does, at its default). To "
    "measure the agent as it answers otherwise, set a temperature in agp.toml: [models.solver] "
    "model = …, temperature = 0.7"
)


class NoiseConfig(RunConfig):
    """An A/A run: ``repetitions`` of the unchanged agent; ``gate`` gives α and epochs."""

    repetitions: int = 5
    gate: Policy = Field(default_factory=Policy)

    def check(self) -> None:
        """Raises InputError for numbers that make no sense."""
        super().check()
        at_least(2, repetitions=self.repetitions)
        self.gate.check()


class Flip(BaseModel):
    """A sample whose score is not always the same: how often two repetitions disagree on it."""

    sample: str
    rate: float
    mean: float


class Noise(BaseModel):
    """What repeating an unchanged agent shows.

    ``means`` are the mean scores of the repetitions and ``mean_sd`` their standard deviation.
    ``flip_rate`` is the chance that two repetitions differ on a sample, ``flips`` those that
    differ most. ``floor`` is the difference between two runs of one agent that is exceeded by
    chance once in 20 times, either way; ``largest`` the largest seen. ``false_accepts`` is, by
    rule, how often the gate accepted one half of a sample's repetitions over the other half.
    """

    repetitions: int
    n: int
    means: list[float]
    mean_sd: float
    flip_rate: float
    flips: list[Flip]
    floor: float
    largest: float
    false_accepts: dict[str, float]
    note: str = ""


class NoiseReport(Report):
    """The report of an A/A run; ``vanilla`` is the score over all repetitions."""

    noise: Noise | None = None


async def run_noise(
    means: Means,
    history: History,
    journal: Journal,
    observer: Observer,
    benchmark: Benchmark | None = None,
) -> NoiseReport:
    """Carry out, or carry on, the A/A run of ``journal``."""
    config = NoiseConfig.model_validate(journal.config)
    view = start_view(history, journal, branch=config.branch)
    bench = prepare(means, config, journal, benchmark)
    agent = agent_of(view, config, bench.benchmark)
    runs: list[list[SampleResult]] = []
    for repetition in range(config.repetitions):
        name = f"{bench.benchmark.name}, repetition {repetition + 1}"
        observer.phase(name, len(bench.samples))
        runs.append(
            await bench.evaluator.evaluate(
                view, agent, bench.samples, repetition=repetition, on_result=observer.result
            )
        )
    everywhere = _scored_everywhere(runs)
    return NoiseReport(
        run=journal.run,
        kind=KIND,
        agent=str(agent),
        closure=view.closure_digest(agent),
        benchmark=bench.benchmark.name,
        models=models_of(config),
        seed=config.seed,
        vanilla=ScoreLine.of(averaged(runs)),
        unscored=[f"{r.sample}: {r.unscored}" for run in runs for r in run if r.score is None],
        noise=noise_of(everywhere, config.gate, seed=config.seed) if everywhere[0] else None,
    )


def noise_of(runs: Sequence[Sequence[SampleResult]], policy: Policy, *, seed: int = 0) -> Noise:
    """What repetitions of one agent on the same samples show.

    Parameters: ``runs[k][i]`` is repetition k on sample i, all scored; ``policy`` gives α, epochs
    and guards of the rules that are tried. Raises InputError for fewer than two repetitions.
    """
    if len(runs) < 2:
        raise InputError(f"An A/A comparison needs at least 2 repetitions, not {len(runs)}.")
    scores = [[_score(result) for result in run] for run in runs]
    by_sample = list(zip(*scores, strict=True))
    means = [statistics.fmean(run) for run in scores]
    variance = sum(statistics.variance(each) for each in by_sample) / len(by_sample) ** 2
    wide = statistics.NormalDist().inv_cdf((1 + _LEVEL) / 2)
    flips = [
        Flip(sample=result.sample, rate=_disagreement(each), mean=statistics.fmean(each))
        for result, each in zip(runs[0], by_sample, strict=True)
    ]
    constant = all(flip.rate == 0 for flip in flips)
    return Noise(
        repetitions=len(runs),
        n=len(by_sample),
        means=means,
        mean_sd=statistics.stdev(means),
        flip_rate=statistics.fmean(flip.rate for flip in flips),
        flips=sorted((f for f in flips if f.rate), key=lambda f: -f.rate)[:_SHOWN],
        floor=wide * (2 * variance) ** 0.5,
        largest=max(means) - min(means),
        false_accepts=_false_accepts(runs, policy, seed),
        note=DETERMINISTIC if constant else "",
    )


def _scored_everywhere(runs: list[list[SampleResult]]) -> list[list[SampleResult]]:
    kept = [i for i, column in enumerate(zip(*runs, strict=True)) if _all_scored(column)]
    return [[run[i] for i in kept] for run in runs]


def _all_scored(column: Sequence[SampleResult]) -> bool:
    return all(result.score is not None for result in column)


def _score(result: SampleResult) -> float:
    if result.score is None:
        raise InputError(
            f"{result.sample} is unscored in one repetition.", hint="Leave it out in all of them."
        )
    return result.score


def _disagreement(scores: Sequence[float]) -> float:
    pairs = list(combinations(scores, 2))
    return sum(a != b for a, b in pairs) / len(pairs)


def _false_accepts(
    runs: Sequence[Sequence[SampleResult]], policy: Policy, seed: int
) -> dict[str, float]:
    """How often each rule accepts, where both sides are the same agent.

    In each draw the repetitions of every sample are dealt to the two sides at random.
    """
    half = len(runs) // 2
    source = random.Random(seed)
    accepted = dict.fromkeys(Rule, 0)
    for _ in range(DRAWS):
        dealt = [source.sample(column, 2 * half) for column in zip(*runs, strict=True)]
        epochs = [list(epoch) for epoch in zip(*dealt, strict=True)]
        for rule in Rule:
            settings: dict[str, Any] = {"rule": rule, "epochs": min(policy.epochs, half)}
            accepted[rule] += _accepts(
                epochs[:half], epochs[half:], policy.model_copy(update=settings)
            )
    return {str(rule): count / DRAWS for rule, count in accepted.items()}


def _accepts(
    candidate: Sequence[Sequence[SampleResult]],
    incumbent: Sequence[Sequence[SampleResult]],
    policy: Policy,
) -> bool:
    looks = Looks(policy, len(candidate[0]))
    while (look := looks.next()) is not None:
        part = slice(look.start, look.stop)
        looks.see(candidate[look.epoch][part], incumbent[look.epoch][part])
    return looks.verdict.accepted
