"""A project: a folder of resources, its store, its models. The door for Python users.

Everything here has a sync and an async form (``bench`` and ``abench``); the sync form works in
scripts and in notebooks alike.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from agp.budget import Budget, Ledger, charged_to
from agp.budget.accounts import shared_limits
from agp.config import ProjectConfig, read_config, store_location
from agp.errors import AgpError, InputError, Interrupted
from agp.evaluation.execution import ProcessPool
from agp.evaluation.types import Benchmark
from agp.in_sync import in_sync
from agp.models.manager import ModelManager
from agp.models.types import Backend
from agp.permissions import Ask, Asker, InForce, Mode, Permissions
from agp.rspl.discovery import library_root
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.history import MAIN, History
from agp.rspl.kinds.agent import AgentRunner
from agp.rspl.registry import Registry
from agp.rspl.view import View
from agp.runs import bench as bench_runs
from agp.runs.carry_out import REPORT, carry_out
from agp.runs.config import BenchConfig, RunConfig, checked_budget
from agp.runs.events import Callback
from agp.runs.journal import Journal
from agp.runs.metered import metered
from agp.runs.observer import Announcer, Observer
from agp.runs.report import Report
from agp.runs.workbench import Means, capture_content
from agp.runtime import Answer, Task
from agp.runtime.confinement import demands_of
from agp.runtime.keeping import keep, remembered
from agp.runtime.session import Session
from agp.runtime.task_state import TaskState
from agp.secrets.logs import install
from agp.sepl import evolution
from agp.sepl import noise as noise_runs
from agp.sepl.config import EvolveConfig
from agp.sepl.noise import NoiseConfig, NoiseReport
from agp.sepl.report import EvolveReport
from agp.store.database import Database
from agp.tracing.recorder import provider_for

_log = logging.getLogger(__name__)

_KINDS = {
    bench_runs.KIND: (bench_runs.run_bench, Report),
    noise_runs.KIND: (noise_runs.run_noise, NoiseReport),
    evolution.KIND: (evolution.run_evolution, EvolveReport),
}


class Project:
    """An open project.

    Parameters: ``folder`` holds ``agents/``, ``tools/`` and so on, and ``agp.toml``; ``store`` a
    file or URL (default: ``AGP_STORE``, then ``agp.toml``, then ``.agp/store.db`` in the
    folder); ``model``, ``reflector`` and ``critic`` are model strings for those roles;
    ``api_base`` the URL of an OpenAI-compatible server; ``branch`` the branch to read and change;
    ``create`` whether an absent store is made; ``backends`` stand in for models in tests;
    ``permissions`` a mode (``plan``, ``default``, ``ask``, ``auto``, ``dontAsk``, ``locked``)
    instead of the one in ``agp.policy.toml``; ``ask`` a function (sync or async) that is asked what
    the policy asks: it takes a `Question` and returns True, ``"always"`` (yes, for this run), or
    anything else for no. Without it what would ask is denied.

    Opening registers what is new in the folders (what it had to leave out, a server that does not
    answer, is in ``registry.unavailable``), unless the store can only be read. Raises InputError,
    StoreError, ResourceError.
    """

    def __init__(
        self,
        folder: str | Path = ".",
        *,
        store: str | Path | None = None,
        model: str | None = None,
        reflector: str | None = None,
        critic: str | None = None,
        api_base: str | None = None,
        branch: str = MAIN,
        create: bool = True,
        backends: Mapping[str, Backend] | None = None,
        permissions: str | Mode | None = None,
        ask: Ask | Asker | None = None,
    ) -> None:
        install()
        self.folder = Path(folder).expanduser().resolve()
        self.config: ProjectConfig = read_config(self.folder)
        self.models = self.config.roles(
            model=model, reflector=reflector, critic=critic, api_base=api_base
        )
        location = store_location(self.folder, store, self.config)
        self.database = Database(location, create=create)
        self.history = History(self.database)
        self.registry = Registry(self.history, branch=branch)
        self.registry.context[AgentRunner] = _Agents(self)
        self.tracer_provider = provider_for(self.database)
        self._backends = dict(backends or {})
        try:
            if branch != MAIN:
                self.history.view(branch)  # only what is said to make a branch makes one
            self.permissions = InForce.of(self.folder, self.database, permissions, ask)
            self.history.origins.policy = self.permissions.policy.digest
            self.registry.demands = demands_of(self.permissions.policy.sandbox)
            self.discovered = None
            if not self.database.read_only:
                self.discovered = self.registry.init(self.roots)
        except BaseException:
            self.close()
            raise

    @property
    def roots(self) -> list[Path]:
        """Where resources are found: the project's folder, then the shipped library."""
        return list(dict.fromkeys((self.folder, library_root())))

    @property
    def benchmark_folders(self) -> list[Path]:
        """Where benchmark files are found."""
        return [root / "benchmarks" for root in self.roots]

    def close(self) -> None:
        """Write out what is pending and let go of the store."""
        self.tracer_provider.shutdown()
        self.database.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    # -- one task --------------------------------------------------------------------------

    def run(
        self,
        agent: str,
        task: str | Task,
        *,
        view: View | None = None,
        seed: int = 0,
        budget: dict[str, Any] | None = None,
        rollout: bool = False,
    ) -> Answer:
        """Run an agent on one task. See `arun`."""
        work = self.arun(agent, task, view=view, seed=seed, budget=budget, rollout=rollout)
        return in_sync(work)

    async def arun(
        self,
        agent: str,
        task: str | Task,
        *,
        view: View | None = None,
        seed: int = 0,
        budget: dict[str, Any] | None = None,
        rollout: bool = False,
    ) -> Answer:
        """Run an agent on one task, on what is live or on a given view (of a lock file, say).

        What it remembered on what is live is committed, unless the mode of permissions commits
        nothing; on a given view nothing is. ``budget`` limits this task (`agp.budget.Budget`).
        ``rollout`` lets a rollout that is under way on the branch decide who answers
        (`agp.sepl.rollout`). Raises NotFoundError for an unknown agent, ModelError,
        BudgetExhausted, Stopped.
        """
        task = Task(input=task) if isinstance(task, str) else task
        if rollout and view is None and (served := await self._served(agent, task, seed, budget)):
            return served
        live = view is None
        view = view or self.registry.view()
        permissions = self.permissions.for_run()
        self.permissions.note_mode(f"run {agent}")
        rid = view.find(agent, EntityType.AGENT)
        state = TaskState(task.files)
        run, limits = f"task-{secrets.token_hex(6)}", checked_budget(budget or {})
        async with metered(self.database, run, limits, shared=self._shared()) as ledger:
            ledger.time(rid.name)
            session = self._session(self._means(permissions, ledger))
            answer = await session.run_agent(view, rid, task, seed=seed, state=state)
            answer.notes = permissions.notes
            if live and not self.database.read_only and permissions.mode.commits:
                self._keep(state, rid, view)
        return answer

    async def _served(
        self, agent: str, task: Task, seed: int, budget: dict[str, Any] | None
    ) -> Answer | None:
        """The answer through the rollout on this branch; None where none is under way."""
        from agp.sepl.rollout.serve import serve
        from agp.sepl.rollout.steps import Rollouts

        rollouts = Rollouts(self.history, self.registry.author)
        if (found := rollouts.on(self.registry.branch)) is None:
            return None

        async def answering(view: View | None) -> Answer:
            return await self.arun(agent, task, view=view, seed=seed, budget=budget)

        return await serve(rollouts, found, task, answering)

    def _session(self, means: Means) -> Session:
        models = ModelManager(
            self.models,
            meter=means.ledger,
            tracer=means.tracer,
            capture_content=capture_content(),
            backends=self._backends,
        )
        return Session(models, means.tracer, means.builder, means.permissions)

    def _keep(self, state: TaskState, agent: ResourceId, view: View) -> None:
        """Commit what a task remembered; an answer is worth having even where that fails."""
        try:
            told = remembered(state.taint, view, agent)
            message = f"what {agent} remembered"
            with charged_to(agent.name):
                keep(self.registry, state.changes(), message=message, evidence=told)
        except Interrupted:
            raise
        except AgpError as error:
            _log.warning("What %s remembered could not be kept: %s", agent, error)

    # -- runs ------------------------------------------------------------------------------

    def bench(self, benchmark: str | Benchmark, agent: str = "", **settings: Any) -> Report:
        """Score an agent on a benchmark. See `abench`."""
        return in_sync(self.abench(benchmark, agent, **settings))

    async def abench(
        self,
        benchmark: str | Benchmark,
        agent: str = "",
        *,
        observer: Observer | None = None,
        callbacks: Sequence[Callback] = (),
        **settings: Any,
    ) -> Report:
        """Score an agent on a benchmark (default: the agent that suits it).

        ``settings`` are the fields of `agp.runs.config.BenchConfig`: ``limit``, ``seed``,
        ``data``, ``refine``, ``lock`` …; ``callbacks`` are called with what happens, as events
        (`agp.runs.events`).
        """
        watch = Announcer(observer, callbacks)
        config = self._configured(BenchConfig, benchmark, agent, settings)
        journal = Journal.start(self.database, bench_runs.KIND, config.model_dump(mode="json"))
        return await self._carry_out(journal, watch, benchmark)

    def noise(self, benchmark: str | Benchmark, agent: str = "", **settings: Any) -> NoiseReport:
        """Run an unchanged agent several times. See `anoise`."""
        return in_sync(self.anoise(benchmark, agent, **settings))

    async def anoise(
        self,
        benchmark: str | Benchmark,
        agent: str = "",
        *,
        observer: Observer | None = None,
        callbacks: Sequence[Callback] = (),
        **settings: Any,
    ) -> NoiseReport:
        """Measure what a difference by chance looks like: an A/A run.

        ``settings`` are the fields of `agp.sepl.noise.NoiseConfig`: ``repetitions``, ``limit``,
        ``gate`` …; the result's ``noise`` holds the numbers.
        """
        watch = Announcer(observer, callbacks)
        config = self._configured(NoiseConfig, benchmark, agent, settings)
        journal = Journal.start(self.database, noise_runs.KIND, config.model_dump(mode="json"))
        report = await self._carry_out(journal, watch, benchmark)
        assert isinstance(report, NoiseReport)
        return report

    def evolve(self, benchmark: str | Benchmark, agent: str = "", **settings: Any) -> EvolveReport:
        """Evolve an agent on a benchmark. See `aevolve`."""
        return in_sync(self.aevolve(benchmark, agent, **settings))

    async def aevolve(
        self,
        benchmark: str | Benchmark,
        agent: str = "",
        *,
        observer: Observer | None = None,
        callbacks: Sequence[Callback] = (),
        **settings: Any,
    ) -> EvolveReport:
        """Evolve an agent on a benchmark and commit what passes the gate.

        ``settings`` are the fields of `agp.sepl.config.EvolveConfig`: ``mode``, ``rounds``,
        ``candidates``, ``gate``, ``limit``, ``seed``, ``budget`` …; ``callbacks`` are called with
        what happens, as events (`agp.runs.events`).
        """
        watch = Announcer(observer, callbacks)
        config = self._configured(EvolveConfig, benchmark, agent, settings)
        journal = Journal.start(self.database, evolution.KIND, config.model_dump(mode="json"))
        report = await self._carry_out(journal, watch, benchmark)
        assert isinstance(report, EvolveReport)
        return report

    def resume(self, run: str | None = None, **changes: Any) -> Report:
        """Carry on an interrupted run, or read a finished one's report. See `aresume`."""
        return in_sync(self.aresume(run, **changes))

    async def aresume(
        self,
        run: str | None = None,
        *,
        observer: Observer | None = None,
        callbacks: Sequence[Callback] = (),
        budget: dict[str, Any] | None = None,
        benchmark: Benchmark | None = None,
    ) -> Report:
        """Carry on a run (default: the newest): nothing that finished is done again.

        ``budget`` replaces the run's budget; ``benchmark`` is needed again where the run was
        given an object. Raises NotFoundError for an unknown run.
        """
        watch = Announcer(observer, callbacks)
        journal = Journal.reopen(self.database, run)
        watch.run = journal.run
        if budget is not None:
            journal.amend(budget=budget)
        if journal.done(REPORT) is None:
            self._note_permissions(journal, watch)
        return await self._carry_out(journal, watch, benchmark)

    async def _carry_out(
        self, journal: Journal, watch: Announcer, benchmark: str | Benchmark | None
    ) -> Report:
        if journal.kind not in _KINDS:
            raise InputError(
                f"Run {journal.run} was made by a program (agp.{journal.kind}).",
                hint="Run that program again, with resume=True.",
            )
        do, form = _KINDS[journal.kind]
        given = benchmark if isinstance(benchmark, Benchmark) else None

        async def work(ledger: Ledger) -> Report:
            means = self._means(self._permissions(journal, watch), ledger)
            async with ProcessPool() as pool:
                return await do(replace(means, pool=pool), self.history, journal, watch, given)

        try:
            return await carry_out(journal, form, work, watch, shared=self._shared())
        finally:
            self.tracer_provider.force_flush()

    def _shared(self) -> dict[str, Budget]:
        """The limits of scopes that all runs share, by the policy."""
        policy = self.permissions.policy.budget
        return shared_limits(policy.all_, policy.agents)

    def _configured(
        self,
        kind: type[RunConfig],
        benchmark: str | Benchmark,
        agent: str,
        settings: dict[str, Any],
    ) -> RunConfig:
        for name in ("data", "lock"):
            if settings.get(name) is not None:  # a resumed run may start from another folder
                settings[name] = Path(settings[name]).expanduser().resolve()
        config = kind.model_validate(
            {
                "models": {role: each.model_dump() for role, each in self.models.items()},
                "branch": self.registry.branch,
                "policy": self.permissions.policy.digest,
                "permissions": self.permissions.override,
                **settings,
                "benchmark": benchmark if isinstance(benchmark, str) else benchmark.name,
                "agent": agent,
            }
        )
        config.check()
        return config

    def _note_permissions(self, journal: Journal, observer: Observer) -> None:
        """A run goes on under the policy of today, and says so where it is another one."""
        policy, override = self.permissions.policy.digest, self.permissions.override
        if journal.config.get("policy") not in (None, "", policy):
            journal.amend(policy=policy)
            observer.note("the policy is another one than before; it holds from here on")
        if override is not None and override != journal.config.get("permissions"):
            journal.amend(permissions=override.value)

    def _permissions(self, journal: Journal, observer: Observer) -> Permissions:
        asked = journal.config.get("permissions")
        recorded = Mode(asked) if asked else None
        return self.permissions.for_run(journal.run, recorded=recorded, tell=observer.note)

    def _means(self, permissions: Permissions, ledger: Ledger) -> Means:
        return Means(
            permissions=permissions,
            ledger=ledger,
            tracer=self.tracer_provider.get_tracer("agp"),
            builder=self.registry.builder,
            benchmark_folders=self.benchmark_folders,
            backends=self._backends,
        )


class _Agents(AgentRunner):
    """Runs agents for the registry's operator `run`: on what is live, with the project's models."""

    def __init__(self, project: Project) -> None:
        self._project = project

    async def run(self, agent: ResourceId, task: str, files: Mapping[str, str] | None) -> str:
        """See `AgentRunner.run`."""
        answer = await self._project.arun(agent.name, Task(input=task, files=dict(files or {})))
        if answer.ended == "failed":
            raise AgpError(f"{agent} failed: {answer.detail}")
        return answer.text
