"""An evolution run from start to report: splits, plan, search, promotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from agp.evaluation.calibration import demand_calibrated
from agp.evaluation.splits import Splits, default_sizes, distinct_size, split
from agp.evaluation.types import Benchmark, Sample
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import History
from agp.rspl.lineage.diff import diff_records
from agp.rspl.view import View
from agp.runs.bench import models_of, start_view
from agp.runs.journal import Journal
from agp.runs.observer import Observer
from agp.runs.report import ScoreLine, measured
from agp.runs.workbench import Means, agent_of, prepare
from agp.sepl.config import EvolveConfig
from agp.sepl.creation.agents import AgentMaker
from agp.sepl.creation.makers import Making
from agp.sepl.creation.tools import ToolMaker
from agp.sepl.envelope import Envelope
from agp.sepl.holdout import Level, level_now
from agp.sepl.lab import Evaluates, Lab
from agp.sepl.loop import search
from agp.sepl.noted import note_holdout, note_plan
from agp.sepl.objective import Objective
from agp.sepl.optimizers import find_optimizer
from agp.sepl.plan import check_budget, plan, promotion_runs
from agp.sepl.promotion import commit_of, promote
from agp.sepl.proposers import Proposer
from agp.sepl.proposers.model import ModelProposer
from agp.sepl.reflector import Reflector
from agp.sepl.report import EvolveReport, proposals_of, rounds_of
from agp.sepl.variables import Mode, lift, trainable
from agp.sepl.verify import verify
from agp.sepl.voting import MAJORITY_VOTE, vote

KIND = "evolve"


@dataclass(frozen=True)
class Evolution:
    """What the parts of an evolution share.

    ``benchmark`` says what is scored, ``evaluator`` scores it; ``reflector`` are the models that
    propose, if models do; ``only`` are the variables that may change at all, None for no limit.
    """

    config: EvolveConfig
    history: History
    journal: Journal
    observer: Observer
    benchmark: Benchmark
    evaluator: Evaluates
    start: View
    agent: ResourceId
    envelope: Envelope
    reflector: Reflector | None = None
    only: frozenset[str] | None = None


async def run_evolution(
    means: Means,
    history: History,
    journal: Journal,
    observer: Observer,
    benchmark: Benchmark | None = None,
) -> EvolveReport:
    """Carry out, or carry on, the evolution of ``journal``.

    Raises InputError and DataError before anything is spent; ModelError and BudgetExhausted in
    the middle, with everything finished kept in the journal.
    """
    config = EvolveConfig.model_validate(journal.config)
    voting = config.optimizer == MAJORITY_VOTE
    if not voting:
        find_optimizer(config.optimizer)
    start = start_view(history, journal, branch=config.branch)
    refine = config.most_rounds if config.mode.solution else 0
    bench = prepare(means, config.model_copy(update={"refine": refine}), journal, benchmark)
    agent = agent_of(start, config, bench.benchmark)
    run = Evolution(
        config=config,
        history=history,
        journal=journal,
        observer=observer,
        benchmark=bench.benchmark,
        evaluator=bench.evaluator,
        start=start,
        agent=agent,
        envelope=Envelope(means.permissions, config.evolve),
        reflector=Reflector(bench.evaluator.session, journal, observer, config.seed),
    )
    if voting:
        fields = await vote(run, bench.samples)
    elif config.mode is Mode.SOLUTION:
        fields = await _refine(run, bench.samples)
    else:
        splits = _splits(bench.samples, config)
        fields = await evolve(run, splits, _model_proposer(run, splits))
    return report_of(run, fields)


def report_of(run: Evolution, fields: dict[str, object]) -> EvolveReport:
    """The report of a run from what it found."""
    config = run.config
    return EvolveReport.model_validate(
        {
            "run": run.journal.run,
            "kind": run.journal.kind,
            "agent": str(run.agent),
            "closure": run.start.closure_digest(run.agent),
            "benchmark": run.benchmark.name,
            "models": models_of(config),
            "seed": config.seed,
            "mode": config.mode,
            "optimizer": config.optimizer,
            "branch": config.branch,
            **fields,
        }
    )


def _model_proposer(run: Evolution, splits: Splits) -> Proposer:
    assert run.reflector is not None
    tasks = {sample.digest: sample.task.input for sample in splits.feedback}
    making = Making(run.reflector, run.agent, run.envelope, tasks)
    makers = (ToolMaker(making), AgentMaker(making))
    return ModelProposer(run.reflector, run.journal, run.agent, tasks, makers)


async def _refine(run: Evolution, samples: Sequence[Sample]) -> dict[str, object]:
    """Solution-Evo: no resource changes, each answer is refined up to T times."""
    rounds = run.config.most_rounds
    run.observer.phase(f"{run.benchmark.name}, {rounds} refinements", len(samples))
    results = await run.evaluator.evaluate(
        run.start, run.agent, samples, on_result=run.observer.result
    )
    told = run.benchmark.refinable
    judged = "the scorer's verdict" if told else "no verdict, only a request to look again"
    return {
        **measured(results, rounds=rounds, oracle=told),
        "conclusion": f"Inference-time refinement with {judged}; no resource was changed.",
    }


async def evolve(run: Evolution, splits: Splits, proposer: Proposer) -> dict[str, object]:
    """Search on feedback and selection, promote on the holdout: what a report says of it.

    Raises InputError where nothing may evolve, before anything is spent.
    """
    config = run.config
    theta = trainable(lift(run.start, run.agent, config.mode, run.envelope))
    run.envelope.check(str(run.agent), theta)
    lab = Lab(
        agent=run.agent,
        mode=config.mode,
        evaluator=run.evaluator,
        splits=splits,
        history=run.history,
        journal=run.journal,
        proposer=proposer,
        reflector=run.reflector,
        seed=config.seed,
        candidates=config.candidates,
        screen=config.screen,
        parameters=config.parameters,
        observer=run.observer,
        envelope=run.envelope,
        only=run.only,
        allowance=search_allowance(config, splits),
    )
    optimizer = find_optimizer(config.optimizer)(lab)
    check_budget(config, splits)
    objective = _objective(run, splits)
    demand_calibrated(run.benchmark, run.benchmark.calibration)
    unchanged = partial(verify, objective, run.benchmark, splits, config.gate)
    unchanged()
    made = plan(config, splits, _level(run, splits), optimizer.more)
    made.envelope = run.envelope.permissions.summary()
    run.observer.planned(made, splits)
    note_plan(run.journal, made, splits)
    found = await search(lab, optimizer, run.start, config.most_rounds, check=unchanged)
    lab.allowance = None
    fields: dict[str, object] = {
        "plan": made,
        "splits": {name: len(getattr(splits, name)) for name in _SPLITS},
        "oracle": config.mode.solution and run.benchmark.refinable,
        "rounds": rounds_of(run.journal),
        "proposals": proposals_of(run.journal),
        "variables": {id_: each.value for id_, each in lab.theta(found).items()},
        "conclusion": _nothing_found(lab),
    }
    if found.overlay and splits.holdout:
        fields |= await _promoted(run, lab, found, objective)
    elif found.overlay:
        fields["conclusion"] = "Something better was found; without a holdout nothing is committed."
    return fields


def search_allowance(config: EvolveConfig, splits: Splits) -> int | None:
    """The evaluations that the search may begin: the budget's, less those of the promotion."""
    budget = config.budget.evaluations
    return None if budget is None else budget - promotion_runs(config, splits)


def _level(run: Evolution, splits: Splits) -> Level | None:
    """The level that the decision will have, as far as it is known now."""
    if not splits.holdout:
        return None
    journal = run.journal
    return level_now(journal.database, splits.holdout, run.config.gate, besides=journal.run)


def _nothing_found(lab: Lab) -> str:
    text = "The search found nothing better, so nothing was changed."
    if lab.reflector and lab.reflector.unreadable:
        text += f" {lab.reflector.unreadable} replies of the reflector could not be read."
    return text


async def _promoted(
    run: Evolution, lab: Lab, found: View, objective: Objective
) -> dict[str, object]:
    promotion = await promote(lab, run.start, found, objective, run.config.gate, run.config.branch)
    verdict = promotion.verdict
    changes = [_told(run.start, rid, record) for rid, record in found.overlay.items()]
    commit = commit_of(run.history, run.config.branch, run.journal.run)
    note_holdout(lab, promotion, commit)
    if verdict.accepted:
        conclusion = f"Committed to {run.config.branch}: {verdict.reason}."
    else:
        conclusion = f"Not committed: {verdict.reason}. What is live was not changed."
    return {
        "vanilla": ScoreLine.of(promotion.before),
        "evolved": ScoreLine.of(promotion.after),
        "decision": verdict,
        "commit": commit,
        "changes": "\n".join(changes),
        "conclusion": conclusion,
        "unscored": [
            f"{r.sample}: {r.unscored}"
            for r in [*promotion.before, *promotion.after]
            if r.score is None
        ],
    }


def _told(start: View, rid: ResourceId, record: Record) -> str:
    """What became of one resource, as text."""
    if rid in start:
        return diff_records(start.record(rid), record)
    code = "\n".join(record.implementation.files.values())
    return "\n".join([f"new: {rid}: {record.description}", *map("+{}".format, code.splitlines())])


def _splits(samples: Sequence[Sample], config: EvolveConfig) -> Splits:
    sizes = (config.feedback, config.selection, config.holdout)
    if sizes == (None, None, None):
        sizes = default_sizes(distinct_size(samples))
    feedback, selection, holdout = (size or 0 for size in sizes)
    return split(samples, feedback=feedback, selection=selection, holdout=holdout, seed=config.seed)


def _objective(run: Evolution, splits: Splits) -> Objective:
    """The objective as it was when the run began. Raises AgpError if it is another now."""
    now = Objective.of(run.benchmark, splits, run.config.gate)
    done = run.journal.done("objective")
    if done is None:
        run.journal.append("objective", "objective", now.model_dump(mode="json"))
        return now
    fixed = Objective.model_validate(done)
    fixed.demand(now)
    return fixed


_SPLITS = ("feedback", "selection", "holdout")
