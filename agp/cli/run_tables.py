"""How runs look on a terminal, whole and side by side, and one run as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from agp.cli.options import Place
from agp.cli.render import (
    clean,
    console,
    duration,
    moment,
    money,
    percent,
    points,
    print_table,
    styled,
)
from agp.runs.facts import CandidateFacts, Mean, candidates, costs, progress, splits_of
from agp.runs.journal import PLAN

if TYPE_CHECKING:
    from agp.budget import Spend
    from agp.runs.compare import Comparison, Paired
    from agp.runs.listing import StoredRun
    from agp.runs.report import ScoreLine

JsonObject = dict[str, Any]

_WIDE = 48


def run_data(run: StoredRun) -> JsonObject:
    """A run as JSON: everything that the tables show, and its report."""
    return {
        "id": run.id,
        "kind": run.kind,
        "status": run.status,
        "begun": run.begun,
        "ended": run.ended,
        "config": run.config,
        "splits": {name: len(held) for name, held in splits_of(run).items()},
        "plan": _plan(run),
        "candidates": [asdict(each) for each in candidates(run)],
        "progress": [asdict(each) for each in progress(run)],
        "decision": next(run.of_type("decision"), None),
        "costs": [
            {"part": part, "role": role, **spend.model_dump()} for part, role, spend in costs(run)
        ],
        "sessions": [
            {"at": step.at, **step.payload} for step in run.steps if step.type == "session"
        ],
        "spend": run.spend.model_dump(),
        "report": run.report,
    }


def show_run(run: StoredRun, place: Place) -> None:
    """Print a run whole; ``place`` completes the commands it names."""
    _heading(f"\n{run.id}")
    _fields(run)
    _settings(run)
    _splits(run)
    _candidates(run)
    _scores(run)
    _decision(run)
    _cost(run)
    _sessions(run)
    _next(run, place)


def scored(line: ScoreLine | Mean | None) -> str:
    """A score with its interval: ``57.1 % (39.0 to 73.5 %, n 30)``."""
    if line is None:
        return "-"
    if line.low is None or line.high is None:
        return f"{line.mean:.4g} (n {line.n})"
    return f"{percent(line.mean)} ({100 * line.low:.1f} to {percent(line.high)}, n {line.n})"


def in_short(line: ScoreLine | Mean | None) -> str:
    """The same in a narrow column: ``57.1 (39.0 to 73.5)``, in per cent."""
    if line is None or line.low is None or line.high is None:
        return "-" if line is None else f"{line.mean:.4g}"
    return f"{100 * line.mean:.1f} ({100 * line.low:.1f} to {100 * line.high:.1f})"


def _say(text: str = "", style: str = "") -> None:
    console().print(styled(text, style), soft_wrap=True)


def _heading(text: str) -> None:
    _say(text, "bold")


def _fields(run: StoredRun) -> None:
    last = run.steps[-1].at if run.steps else None
    told = run.report or {}
    fields = {
        "kind": run.kind,
        "status": run.status,
        "begun": moment(run.begun),
        "ended": moment(run.ended) if run.ended else None,
        "last step": moment(last) if last and run.status == "running" else None,
        "agent": told.get("agent") or run.config.get("agent") or "the benchmark's own",
        "benchmark": run.benchmark,
        "optimizer": run.config.get("optimizer"),
        "mode": run.config.get("mode"),
        "steps": f"{len(run.steps)} in the journal",
    }
    for name, value in fields.items():
        if value:
            _say(f"{name:<10} {value}")


def _settings(run: StoredRun) -> None:
    from agp.runs.compare import flat

    rows = [(name, value) for name, value in flat(run.config) if value not in (None, "", [], {})]
    _heading("\nSettings")
    print_table(("setting", "value"), rows)


def _splits(run: StoredRun) -> None:
    splits, plan = splits_of(run), _plan(run)
    if splits:
        _say("Splits: " + ", ".join(f"{name} {len(held)}" for name, held in splits.items()))
    if plan:
        most = plan["baseline"] + plan["rounds"] * plan["a_round"] + plan["promotion"]
        _say(
            f"Plan: baseline {plan['baseline']} + {plan['rounds']} rounds × {plan['a_round']} + "
            f"promotion {plan['promotion']} = at most {most} agent runs"
        )


def _plan(run: StoredRun) -> JsonObject | None:
    return run.noted(PLAN).get("plan")


def _candidates(run: StoredRun) -> None:
    found = candidates(run)
    if not found:
        return
    _heading("\nCandidates")
    headers = ("candidate", "from", "strategy", "verdict", "selection, %", "tokens", "why")
    print_table(headers, map(_candidate, found))


def _candidate(each: CandidateFacts) -> tuple[object, ...]:
    return (
        each.id,
        ", ".join(each.parents) or "-",
        each.strategy,
        "start" if not each.parents else "kept" if each.accepted else "dropped",
        in_short(each.selection),
        "-" if each.a_sample is None else f"{each.a_sample.tokens:,.0f}",
        f"{each.rule}: {each.reason}" if each.rule else "the agent as it was",
    )


def _scores(run: StoredRun) -> None:
    from agp.runs.report import ScoreLine

    told = run.report or {}
    names = {"vanilla": "before", "refined": "refined", "evolved": "after"}
    lines = {
        name: ScoreLine.model_validate(told[key]) for key, name in names.items() if told.get(key)
    }
    if lines:
        _heading("\nScores on the holdout" if "evolved" in told else "\nScores")
        print_table(("agent", "score (95 % interval)"), [(n, scored(x)) for n, x in lines.items()])


def _decision(run: StoredRun) -> None:
    decision = next(run.of_type("decision"), None)
    told = run.report or {}
    if decision is not None:
        verdict = decision["verdict"]
        word = "accepted" if verdict["accepted"] else "rejected"
        _heading("\nDecision")
        _say(f"{word} ({verdict['rule']}): {verdict['reason']}")
        _say(difference(verdict["numbers"]))
    if told.get("conclusion"):
        _say(told["conclusion"], "bold green" if told.get("commit") else "bold")
    if told.get("commit"):
        _say(f"Commit {told['commit']}")


def difference(numbers: JsonObject) -> str:
    """A paired difference in words; empty where there is none."""
    if "difference" not in numbers:
        return ""
    return (
        f"Difference {points(numbers['difference'])} points ({points(numbers['low'])} to "
        f"{points(numbers['high'])}), p = {numbers['p']:.4g}; {numbers['wins']} won, "
        f"{numbers['losses']} lost, {numbers['ties']} tied."
    )


def _cost(run: StoredRun) -> None:
    rows = [(part, role, *_spent(spend)) for part, role, spend in costs(run)]
    if not rows:
        return
    _heading("\nCost")
    headers = ("part", "role", "evaluations", "calls", "tokens", "model time", "cost")
    print_table(headers, [*rows, ("all", "", *_spent(run.spend))])


def _spent(spend: Spend) -> Iterator[str]:
    yield from (f"{n:,}" for n in (spend.evaluations, spend.calls, spend.tokens))
    yield duration(spend.seconds)
    yield money(spend)


def _sessions(run: StoredRun) -> None:
    rows = [
        (moment(step.at), duration(step.payload["wall"]), _ending(step.payload.get("ended")))
        for step in run.steps
        if step.type == "session"
    ]
    if rows:
        _heading("\nSessions")
        print_table(("ended", "took", "how"), rows)


def _ending(ended: JsonObject | None) -> str:
    return "finished" if ended is None else str(ended.get("message") or ended.get("error"))


def _next(run: StoredRun, place: Place) -> None:
    if run.status in ("running", "stopped"):
        typer.echo(f"Go on with: agp resume{place.flags} {run.id}")
    typer.echo(f"Traces:     agp trace list{place.flags} --run {run.id}")
    typer.echo(f"As a page:  agp runs report{place.flags} {run.id} -o report.html")


def show_comparison(comparison: Comparison) -> None:
    """Print runs side by side."""
    headers = ("run", "before, %", "after, %", "committed", "evals", "tokens", "cost")
    rows = [
        (
            each.run,
            in_short(each.before),
            in_short(each.after),
            "yes" if each.committed else "no",
            f"{each.spend.evaluations:,}",
            f"{each.spend.tokens:,}",
            money(each.spend),
        )
        for each in comparison.runs
    ]
    print_table(headers, rows)
    for pair in comparison.paired:
        _say(_pair(pair), "yellow" if pair.why else "bold")
    _heading("\nSettings that differ")
    names = [run.run for run in comparison.runs]
    lines = [(c.setting, *(clean(str(v))[:_WIDE] for v in c.values)) for c in comparison.config]
    print_table(("setting", *names), lines, empty="None.")


def _pair(pair: Paired) -> str:
    both = f"{pair.run} and {pair.base}"
    if pair.difference is None or pair.low is None or pair.high is None:
        return f"{both} cannot be compared sample by sample: {pair.why}."
    return (
        f"{pair.run} minus {pair.base} on {pair.n} shared samples: {points(pair.difference)} "
        f"points (95 % interval {points(pair.low)} to {points(pair.high)}); {pair.wins} better, "
        f"{pair.losses} worse, {pair.ties} equal."
    )
