"""A benchmark run: one agent, one benchmark, one score with its interval."""

from __future__ import annotations

from agp.evaluation.types import Benchmark
from agp.rspl.history import History
from agp.rspl.lock import read_lock
from agp.rspl.view import View
from agp.runs.config import BenchConfig, RunConfig
from agp.runs.journal import Journal
from agp.runs.observer import Observer
from agp.runs.report import Report, measured
from agp.runs.workbench import Means, agent_of, prepare

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
    observer.phase(bench.benchmark.name, len(bench.samples))
    results = await bench.evaluator.evaluate(view, agent, bench.samples, on_result=observer.result)
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
            **measured(results, rounds=config.refine, oracle=oracle),
        }
    )


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
