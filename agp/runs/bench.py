"""A benchmark run: one agent, one benchmark, one score with its interval."""

from __future__ import annotations

import asyncio

from agp.evaluation.results import SampleResult
from agp.evaluation.types import Benchmark
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.rspl.lock import read_lock
from agp.rspl.view import View
from agp.runs.config import BenchConfig, RunConfig
from agp.runs.journal import Journal
from agp.runs.observer import Observer
from agp.runs.report import Report, measured
from agp.runs.workbench import Means, Workbench, agent_of, prepare

KIND = "bench"


async def run_bench(
    means: Means,
    history: History,
    journal: Journal,
    observer: Observer,
    benchmark: Benchmark | None = None,
) -> Report:
    """Carry out, or carry on, the benchmark run of ``journal``."""
    config = BenchConfig.model_validate(journal.config)
    view = (
        read_lock(config.lock, history)[0]
        if config.lock
        else start_view(history, journal, branch=config.branch, commit=config.commit)
    )
    bench = prepare(means, config, journal, benchmark)
    agent = agent_of(view, config, bench.benchmark)
    observer.phase(bench.benchmark.name, len(bench.samples) * config.epochs)
    results = await _repeated(bench, view, agent, config.epochs, observer)
    oracle = bench.benchmark.refinable
    return Report.model_validate(
        {
            "run": journal.run,
            "kind": KIND,
            "agent": str(agent),
            "closure": view.closure_digest(agent),
            "benchmark": bench.benchmark.name,
            "models": models_of(config),
            "seed": config.seed,
            **measured(results, rounds=config.refine, oracle=oracle, epochs=config.epochs),
        }
    )


async def _repeated(
    bench: Workbench, view: View, agent: ResourceId, epochs: int, observer: Observer
) -> list[SampleResult]:
    """The results of all samples, epoch by epoch; they run side by side."""
    runs = [
        bench.evaluator.evaluate(
            view, agent, bench.samples, repetition=repetition, on_result=observer.result
        )
        for repetition in range(epochs)
    ]
    # Where one ends early the others may finish what they began: it is paid for.
    ends = await asyncio.gather(*runs, return_exceptions=True)
    results: list[SampleResult] = []
    for end in ends:
        if isinstance(end, BaseException):
            raise end
        results += end
    return results


def models_of(config: RunConfig) -> dict[str, str]:
    """Role → model."""
    return {role: each.model for role, each in config.models.items()}


def start_view(
    history: History, journal: Journal, *, branch: str, commit: str | None = None
) -> View:
    """The view of a branch as it was when the run began; or at a commit, by id, tag or branch."""
    done = journal.done("start")
    if done is None:
        at = history.find_commit(commit).id if commit else history.head(branch)
        done = journal.append("start", "start", {"commit": at})
    return history.view_at(done["commit"])
