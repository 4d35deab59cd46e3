"""From a run's configuration to what carries it out: models, benchmark, samples, evaluator."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from opentelemetry.trace import Tracer

from agp.budget import Ledger
from agp.config import CRITIC, REFLECTOR, SOLVER
from agp.evaluation.catalog import find_benchmark
from agp.evaluation.evaluator import Evaluator, Settings
from agp.evaluation.execution import Executor, ProcessPool
from agp.evaluation.sampling import choose_samples
from agp.evaluation.types import Benchmark, Sample
from agp.models.call_cache import StoreCallCache
from agp.models.manager import ModelManager, RoleConfig
from agp.models.names import EMBEDDED, canonical_model, provider_of
from agp.models.types import Backend
from agp.permissions import Permissions
from agp.rspl.builder import Builder
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.view import View
from agp.runs.config import RunConfig
from agp.runs.journal import Journal
from agp.runtime.session import Session

_CONCURRENCY = 8
_CALLS = 16
"""Calls in flight at once to one hosted model, unless more samples are asked for."""


@dataclass(frozen=True)
class Means:
    """What a project lends to its runs: tracer, builder, where benchmarks are, test backends.

    ``permissions`` say what the agents of this run may do, and what may evolve in it;
    ``ledger`` meters it; ``pool`` carries out what computes: whoever makes it ends it.
    """

    tracer: Tracer
    builder: Builder
    benchmark_folders: Sequence[Path]
    backends: Mapping[str, Backend]
    permissions: Permissions
    ledger: Ledger = field(default_factory=Ledger)
    pool: Executor = field(default_factory=ProcessPool)


@dataclass(frozen=True)
class Workbench:
    """One run, ready to go."""

    benchmark: Benchmark
    samples: list[Sample]
    evaluator: Evaluator


def capture_content() -> bool:
    """Whether prompts and replies go into traces: yes, unless AGP_TRACE_CONTENT is 0."""
    return os.environ.get("AGP_TRACE_CONTENT", "1").lower() not in ("0", "false", "no")


def prepare(
    means: Means, config: RunConfig, journal: Journal, benchmark: Benchmark | None = None
) -> Workbench:
    """Set a run up.

    Raises NotFoundError, DataError and InputError for what the configuration names wrongly.
    """
    benchmark = benchmark or find_benchmark(config.benchmark, means.benchmark_folders)
    samples = choose_samples(
        benchmark,
        path=config.data,
        limit=config.limit,
        seed=config.seed,
        allow_hub=config.allow_hub,
    )
    cache = StoreCallCache(journal.database)
    journal.along(cache.flush)
    models = ModelManager(
        {role: _one_model(role, each) for role, each in config.models.items()},
        cache,
        meter=means.ledger,
        tracer=means.tracer,
        capture_content=capture_content(),
        backends=means.backends,
        concurrency=max(_CALLS, config.concurrency or 0),
    )
    session = Session(models, means.tracer, means.builder, means.permissions)
    settings = Settings(
        seed=config.seed,
        refine_rounds=config.refine,
        concurrency=config.concurrency or _concurrency(config.models[SOLVER]),
        sample_seconds=config.sample_seconds,
        scorer_seconds=config.scorer_seconds,
    )
    evaluator = Evaluator(session, benchmark, journal, settings, means.ledger, means.pool)
    return Workbench(benchmark, samples, evaluator)


def _concurrency(solver: RoleConfig) -> int:
    """One sample at a time keeps the embedded model's prompt cache warm and its timings true."""
    if provider_of(canonical_model(solver.model)) == EMBEDDED:
        return 1
    return solver.concurrency or _CONCURRENCY


def _one_model(role: str, config: RoleConfig) -> RoleConfig:
    """A role without fallbacks, unless it only proposes: a score belongs to one model."""
    return config if role in (REFLECTOR, CRITIC) else config.model_copy(update={"fallbacks": []})


def agent_of(view: View, config: RunConfig, benchmark: Benchmark) -> ResourceId:
    """The agent a run uses: the one asked for, or the one that suits the benchmark."""
    return view.find(config.agent or benchmark.agent, EntityType.AGENT)
