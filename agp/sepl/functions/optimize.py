"""`agp.optimize`: evolve texts against a metric of one's own, in one call."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from agp.budget import Ledger
from agp.errors import InputError
from agp.in_sync import in_sync
from agp.models.manager import RoleConfig
from agp.models.types import Backend
from agp.permissions import Permissions
from agp.rspl.history import History
from agp.runs.bench import start_view
from agp.runs.carry_out import carry_out
from agp.runs.events import Callback
from agp.runs.journal import RUNNING, STOPPED, Journal, list_runs
from agp.runs.observer import Announcer, Observer
from agp.sepl.config import EvolveConfig
from agp.sepl.envelope import Envelope
from agp.sepl.evolution import Evolution, evolve, report_of
from agp.sepl.functions.benchmark import FunctionBenchmark
from agp.sepl.functions.evaluator import FunctionEvaluator
from agp.sepl.functions.examples import Examples, splits_of
from agp.sepl.functions.metric import Metric, OneByOne, Scores
from agp.sepl.functions.models import model_proposer, shipped_prompts
from agp.sepl.functions.resources import TextResources
from agp.sepl.gate import Policy
from agp.sepl.gepa.adapter import (
    AdapterScores,
    ReflectionModel,
    adapter_proposer,
    is_adapter,
    takes_prompts,
)
from agp.sepl.optimizers import find_optimizer
from agp.sepl.proposers import Proposer
from agp.sepl.proposers.function import FunctionProposer, Propose
from agp.sepl.report import EvolveReport
from agp.store.database import Database

KIND = "optimize"
_TEXT = "text"


def optimize(seed: Mapping[str, str] | str, metric: Metric, **settings: Any) -> EvolveReport:
    """Evolve texts so that a metric rises. See `aoptimize`, whose arguments it takes."""
    return in_sync(aoptimize(seed, metric, **settings))


async def aoptimize(
    seed: Mapping[str, str] | str,
    metric: Metric | Any,
    *,
    train: Sequence[Any],
    val: Sequence[Any] | None = None,
    holdout: Sequence[Any] | None = None,
    proposer: Propose | ReflectionModel | str | None = None,
    optimizer: str = "pareto",
    budget: int | None = None,
    rounds: int | None = None,
    candidates: int = 1,
    name: str = "objective",
    store: str | Path | None = None,
    gate: Policy | None = None,
    random_seed: int = 0,
    concurrency: int = 1,
    parameters: Mapping[str, Any] | None = None,
    resume: bool = False,
    observer: Observer | None = None,
    callbacks: Sequence[Callback] = (),
    backends: Mapping[str, Backend] | None = None,
    scale: tuple[float, float] = (0.0, 1.0),
) -> EvolveReport:
    """Evolve texts so that a metric rises, and commit what a test on the holdout confirms.

    Parameters:
        seed: the texts to start from, by name, or one text (called ``text``).
        metric: ``(texts, example) -> score`` in [0, 1], higher is better; it may return
            ``(score, feedback)`` or a mapping with ``score``, ``output`` and ``feedback``, and may
            be a coroutine function. What it raises leaves that example unscored. Or a GEPAAdapter,
            unchanged; ``scale`` is then its (lowest, highest) score.
        train, val, holdout: what reflection sees, what the search scores, what decides. With
            ``train`` alone it is divided in three; without a holdout nothing is committed.
        proposer: ``(texts, feedback, rng) -> new texts``, or a model string that proposes. For an
            adapter also a function of one prompt, GEPA's ``reflection_lm``; none where it proposes.
        optimizer: by name; ``parameters`` are its own.
        budget: metric calls in all, the holdout's included; never exceeded. Calls that a crash
            broke off are made again, and not counted twice.
        rounds: at most; by default as many as the budget lasts, or 3.
        candidates: proposals a round.
        name: of the objective; its resources are ``agent/NAME`` and ``prompt/NAME.TEXT``.
        store: a file or URL that keeps history, journal and evidence; by default a temporary one.
        gate: what a change must show to be committed.
        random_seed: of everything that is drawn.
        concurrency: metric calls in flight; a plain function then runs in threads.
        resume: carry on the newest unfinished run of this objective, if there is one.
        observer, callbacks: are told what goes on (`agp.runs.events`).
        backends: models for tests, by provider.

    Returns the report: ``best`` are the best texts that the search found, ``commit`` the commit if
    the gate accepted them. Raises InputError before anything is spent, ProposerError, ModelError.
    """
    texts = {_TEXT: seed} if isinstance(seed, str) else seed
    resources = TextResources(name, texts)
    scores, proposer = _objective(metric, proposer, concurrency, scale)
    config = EvolveConfig.model_validate(
        {
            "agent": name,
            "benchmark": name,
            "models": _roles(proposer),
            "optimizer": optimizer,
            "rounds": rounds,
            "candidates": candidates,
            "seed": random_seed,
            "budget": {"evaluations": budget},
            "gate": gate or Policy(),
            "parameters": dict(parameters or {}),
            "concurrency": concurrency,
        }
    )
    config.check()
    find_optimizer(optimizer)
    examples, watch = Examples(), Announcer(observer, callbacks)
    work = _Work(
        resources=resources,
        examples=examples,
        splits_=partial(splits_of, examples, train, val, holdout, random_seed),
        scores=scores,
        benchmark=FunctionBenchmark(name, metric),
        proposer=proposer,
        watch=watch,
        backends=dict(backends or {}),
    )
    with _opened(store) as database:
        history = History(database)
        journal = _journal(database, config, resume)
        do = partial(work.evolve, history, journal, config)
        return await carry_out(
            journal, EvolveReport, do, watch, shared={}, unmetered=["evaluations"]
        )


@dataclass(frozen=True)
class _Work:
    """What a run is made of beside its configuration, which is stored."""

    resources: TextResources
    examples: Examples
    splits_: Callable[[], Any]
    scores: Scores
    benchmark: FunctionBenchmark
    proposer: Propose | str
    watch: Announcer
    backends: Mapping[str, Backend] = field(default_factory=dict[str, Backend])

    async def evolve(
        self, history: History, journal: Journal, config: EvolveConfig, ledger: Ledger
    ) -> EvolveReport:
        splits = self.splits_()
        if journal.done("start") is None:
            asked = isinstance(self.proposer, str)
            self.resources.start(history, config.branch, shipped_prompts() if asked else ())
        start = start_view(history, journal, branch=config.branch)
        proposer, reflector = self._proposer(history, journal, config, ledger)
        run = Evolution(
            config=config,
            history=history,
            journal=journal,
            observer=self.watch,
            benchmark=self.benchmark,
            evaluator=FunctionEvaluator(
                self.benchmark,
                self.scores,
                self.examples,
                self.resources.texts,
                journal,
                ledger,
                batch=max(_BATCH, config.concurrency or 1),
                limit=config.budget.evaluations,
            ),
            start=start,
            agent=self.resources.agent,
            envelope=Envelope(Permissions()),
            reflector=reflector,
            only=frozenset(self.resources.names),
        )
        fields = await evolve(run, splits, proposer)
        report = report_of(run, fields)
        report.best = {self.resources.names[id_]: text for id_, text in report.variables.items()}
        return report

    def _proposer(
        self, history: History, journal: Journal, config: EvolveConfig, ledger: Ledger
    ) -> tuple[Proposer, Any]:
        if isinstance(self.proposer, str):
            return model_proposer(
                history, journal, config, ledger, self.watch, self.resources.agent, self.backends
            )
        function = FunctionProposer(
            self.proposer,
            journal,
            names=self.resources.names,
            example=lambda result: self.examples.of(result.sample_digest),
            seed=config.seed,
        )
        return function, None


_BATCH = 10
"""Samples between two writes: what a crash may cost, where calls are not concurrent."""


def _objective(
    metric: Metric | Any,
    proposer: Propose | ReflectionModel | str | None,
    concurrency: int,
    scale: tuple[float, float],
) -> tuple[Scores, Propose | str]:
    """What scores, and what proposes. Raises InputError where nothing does."""
    adapter = is_adapter(metric)
    if not (adapter or callable(metric)):
        raise InputError(
            f"The metric is {metric!r}, which scores nothing.",
            hint="Give a function (texts, example) -> score, or a GEPAAdapter.",
        )
    scores = AdapterScores(metric, scale) if adapter else OneByOne(metric, concurrency)
    if isinstance(proposer, str):
        return scores, proposer
    if adapter and (proposer is None or takes_prompts(proposer)):
        return scores, adapter_proposer(metric, cast("ReflectionModel | None", proposer))
    if not callable(proposer):
        raise InputError(
            "Nothing proposes new texts.",
            hint="Give proposer=, a function (texts, feedback, rng) -> new texts, or a model.",
        )
    return scores, cast("Propose", proposer)


def _roles(proposer: Propose | str) -> dict[str, RoleConfig]:
    if not isinstance(proposer, str):
        return {}
    from agp.config import ProjectConfig

    return ProjectConfig().roles(model=proposer, reflector=None, api_base=None)


@contextmanager
def _opened(store: str | Path | None) -> Generator[Database]:
    memory = Path("/dev/shm")  # a store that nobody keeps needs no disk
    place = memory if store is None and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="agp-", dir=place) as folder:
        database = Database(store if store is not None else Path(folder) / "store.db")
        try:
            yield database
        finally:
            database.close()


def _journal(database: Database, config: EvolveConfig, resume: bool) -> Journal:
    """The journal of a new run, or of the newest unfinished one of this objective.

    Raises InputError where that was started with other settings.
    """
    wanted = config.model_dump(mode="json")
    open_ = [
        row
        for row in list_runs(database, limit=1000)
        if row.kind == KIND
        and row.status in (RUNNING, STOPPED)
        and row.config.get("benchmark") == config.benchmark
    ]
    if not (resume and open_):
        return Journal.start(database, KIND, wanted)
    same = [row for row in open_ if not _changed(wanted, row.config)]
    if not same:
        changed = ", ".join(_changed(wanted, open_[0].config))
        raise InputError(
            f"Run {open_[0].id} was started with other settings: {changed}.",
            hint="Give them as they were, or start a new run without resume.",
        )
    journal = Journal.reopen(database, same[0].id)
    journal.amend(budget=wanted["budget"])
    return journal


def _changed(wanted: Mapping[str, Any], begun: Mapping[str, Any]) -> list[str]:
    """The settings that differ, of those that a run keeps to its end."""
    free = ("budget", "concurrency")
    return sorted(key for key in wanted if key not in free and wanted[key] != begun.get(key))
