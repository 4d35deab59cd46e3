"""An evolution run from start to report: splits, plan, search, promotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agp.evaluation.splits import Splits, default_sizes, split
from agp.evaluation.types import Benchmark, Sample
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.rspl.lineage.diff import diff_records
from agp.rspl.view import View
from agp.runs.bench import models_of, start_view
from agp.runs.journal import Journal
from agp.runs.observer import Observer
from agp.runs.report import ScoreLine, measured
from agp.runs.workbench import Means, Workbench, agent_of, prepare
from agp.sepl.config import EvolveConfig
from agp.sepl.envelope import Envelope
from agp.sepl.lab import Lab
from agp.sepl.loop import search
from agp.sepl.objective import Objective
from agp.sepl.optimizers import find_optimizer
from agp.sepl.plan import plan
from agp.sepl.promotion import commit_of, promote
from agp.sepl.report import EvolveReport, proposals_of, rounds_of
from agp.sepl.variables import Mode, lift, trainable

KIND = "evolve"


@dataclass(frozen=True)
class _Run:
    """What the parts of an evolution share."""

    config: EvolveConfig
    history: History
    journal: Journal
    observer: Observer
    bench: Workbench
    start: View
    agent: ResourceId
    envelope: Envelope


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
    find_optimizer(config.optimizer)
    start = start_view(history, journal, branch=config.branch)
    refine = config.rounds if config.mode.solution else 0
    bench = prepare(means, config.model_copy(update={"refine": refine}), journal, benchmark)
    agent = agent_of(start, config, bench.benchmark)
    envelope = Envelope(means.permissions, config.evolve)
    if config.mode is not Mode.SOLUTION:
        envelope.check(str(agent), trainable(lift(start, agent, config.mode, envelope)))
    run = _Run(config, history, journal, observer, bench, start, agent, envelope)
    fields = await (_refine(run) if config.mode is Mode.SOLUTION else _search(run))
    return EvolveReport.model_validate(
        {
            "run": journal.run,
            "kind": KIND,
            "agent": str(agent),
            "closure": start.closure_digest(agent),
            "benchmark": bench.benchmark.name,
            "models": models_of(config),
            "seed": config.seed,
            "mode": config.mode,
            "optimizer": config.optimizer,
            "branch": config.branch,
            **fields,
        }
    )


async def _refine(run: _Run) -> dict[str, object]:
    """Solution-Evo: no resource changes, each answer is refined up to T times."""
    samples, bench = run.bench.samples, run.bench
    run.observer.phase(f"{bench.benchmark.name}, {run.config.rounds} refinements", len(samples))
    results = await bench.evaluator.evaluate(
        run.start, run.agent, samples, on_result=run.observer.result
    )
    told = bench.benchmark.refinable
    judged = "the scorer's verdict" if told else "no verdict, only a request to look again"
    return {
        **measured(results, rounds=run.config.rounds, oracle=told),
        "conclusion": f"Inference-time refinement with {judged}; no resource was changed.",
    }


async def _search(run: _Run) -> dict[str, object]:
    """Prompt-Evo and Joint-Evo: search on feedback and selection, promote on the holdout."""
    splits = _splits(run.bench.samples, run.config)
    objective = _objective(run, splits)
    lab = Lab(
        agent=run.agent,
        mode=run.config.mode,
        evaluator=run.bench.evaluator,
        splits=splits,
        history=run.history,
        journal=run.journal,
        seed=run.config.seed,
        candidates=run.config.candidates,
        screen=run.config.screen,
        observer=run.observer,
        envelope=run.envelope,
    )
    made = plan(run.config, splits)
    made.envelope = run.envelope.permissions.summary()
    run.observer.planned(made, splits)
    optimizer = find_optimizer(run.config.optimizer)(lab)
    found = await search(lab, optimizer, run.start, run.config.rounds)
    fields: dict[str, object] = {
        "plan": made,
        "splits": {name: len(getattr(splits, name)) for name in _SPLITS},
        "oracle": run.config.mode.solution and run.bench.benchmark.refinable,
        "rounds": rounds_of(run.journal),
        "proposals": proposals_of(run.journal),
        "conclusion": _nothing_found(lab),
    }
    if found.overlay:
        fields |= await _promoted(run, lab, found, objective)
    return fields


def _nothing_found(lab: Lab) -> str:
    text = "The search found nothing better, so nothing was changed."
    if lab.unreadable:
        text += f" {lab.unreadable} replies of the reflector could not be read."
    return text


async def _promoted(run: _Run, lab: Lab, found: View, objective: Objective) -> dict[str, object]:
    promotion = await promote(lab, run.start, found, objective, run.config.gate, run.config.branch)
    verdict = promotion.verdict
    changes = [diff_records(run.start.record(rid), r) for rid, r in found.overlay.items()]
    commit = commit_of(run.history, run.config.branch, run.journal.run)
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


def _splits(samples: Sequence[Sample], config: EvolveConfig) -> Splits:
    sizes = (config.feedback, config.selection, config.holdout)
    if sizes == (None, None, None):
        distinct = len({sample.digest for sample in samples})
        sizes = default_sizes(distinct)
    feedback, selection, holdout = (size or 0 for size in sizes)
    return split(samples, feedback=feedback, selection=selection, holdout=holdout, seed=config.seed)


def _objective(run: _Run, splits: Splits) -> Objective:
    """The objective as it was when the run began. Raises AgpError if it is another now."""
    now = Objective.of(run.bench.benchmark, splits, run.config.gate)
    done = run.journal.done("objective")
    if done is None:
        run.journal.append("objective", "objective", now.model_dump(mode="json"))
        return now
    fixed = Objective.model_validate(done)
    fixed.demand(now)
    return fixed


_SPLITS = ("feedback", "selection", "holdout")
