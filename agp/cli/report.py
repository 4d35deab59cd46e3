"""A run's report for people: scores with intervals, what was decided and why, cost, what next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agp.cli.options import Format, Place
from agp.cli.render import (
    console,
    duration,
    money,
    percent,
    points,
    print_diff,
    print_json,
    print_table,
    short,
    styled,
)

if TYPE_CHECKING:
    from agp.runs.report import Report, ScoreLine
    from agp.sepl.report import EvolveReport

_UNSCORED_SHOWN = 5
_REFINED = "inference-time refinement"
_ORACLE = "The scorer's verdict was shown to the agent: not comparable with single-attempt scores."


def show_report(report: Report, output: Format, place: Place) -> None:
    """Print a report; ``place`` completes the commands it names."""
    from agp.sepl.report import EvolveReport

    if output is Format.json:
        print_json(report.model_dump(mode="json"))
        return
    evolved = report if isinstance(report, EvolveReport) else None
    _header(report)
    _scores(report)
    _epochs(report)
    _attempts(report)
    if evolved is not None:
        _rounds(evolved)
        _proposals(evolved)
    _unscored(report)
    _cost(report)
    if evolved is not None:
        _conclusion(evolved, place)
    _next(report, place)


def _say(text: str = "", style: str = "") -> None:
    console().print(styled(text, style), soft_wrap=True)


def _header(report: Report) -> None:
    models = ", ".join(f"{role} {model}" for role, model in report.models.items())
    _say(f"\n{report.agent} on {report.benchmark}", "bold")
    _say(f"Run {report.run}; {models}; seed {report.seed}; agent closure {short(report.closure)}")


def _scores(report: Report) -> None:
    rows = [_score_row(name, line) for name, line in _score_lines(report) if line is not None]
    if not rows:
        return
    print_table(("agent", "mean", "95 % interval", "n", "unscored"), rows)
    decision: Any = getattr(report, "decision", None)
    if decision is not None and "difference" in decision.numbers:
        _difference(decision.numbers)


def _score_lines(report: Report) -> Iterator[tuple[str, ScoreLine | None]]:
    mode: str | None = getattr(report, "mode", None)
    if mode is None and report.refined is None:
        yield report.agent, report.vanilla
        return
    where = "first attempts" if report.refined is not None else "holdout"
    where += ", refined" if mode == "joint" else ""
    yield f"vanilla ({where})", report.vanilla
    yield _REFINED, report.refined
    yield f"evolved ({where})", getattr(report, "evolved", None)


def _score_row(name: str, line: ScoreLine) -> tuple[object, ...]:
    interval = f"{percent(line.low)} to {percent(line.high)}"
    return name, percent(line.mean), interval, line.n, line.unscored


def _difference(numbers: dict[str, Any]) -> None:
    _say(
        f"Difference {points(numbers['difference'])} points "
        f"({100 * numbers['level']:.0f} % interval {points(numbers['low'])} to "
        f"{points(numbers['high'])}), p = {numbers['p']:.4g} ({numbers['test']}); "
        f"{numbers['wins']} won, {numbers['losses']} lost, {numbers['ties']} tied.",
        "bold",
    )
    if "looks" in numbers:
        _say(
            f"{len(numbers['looks'])} looks, {numbers['epochs']} epochs, "
            f"{numbers['evaluations']} evaluations."
        )
    if (looks := numbers.get("holdout_looks", 1)) > 1:
        left = numbers.get("alpha_left")
        spent = "" if left is None else f" α = {numbers['alpha']:.2g}, {left:.2g} left."
        _say(
            f"This holdout has now decided {looks} times in this store.{spent} Another --seed "
            "draws another.",
            "yellow",
        )


def _epochs(report: Report) -> None:
    if report.epochs > 1:
        told = [f"pass@{k} {percent(share)}" for k, share in enumerate(report.pass_at, 1)]
        _say(", ".join([f"Each sample {report.epochs} times", *told]) + ".")


def _attempts(report: Report) -> None:
    if report.attempts:
        rows = [
            (
                f"after {n} refinement{'' if n == 1 else 's'}" if n else "first attempt",
                percent(mean),
            )
            for n, mean in enumerate(report.attempts)
        ]
        print_table((_REFINED, "mean"), rows)
    if getattr(report, "mode", None) == "joint":
        _say(f"Joint mode: every score is one of {_REFINED}.", "yellow")
    if report.oracle:
        _say(_ORACLE, "yellow")


def _rounds(report: EvolveReport) -> None:
    if not report.rounds:
        return
    rows = [
        (
            f"{line.round}" + (" (vanilla)" * (line.round == 0)),
            percent(line.feedback),
            percent(line.selection),
        )
        for line in report.rounds
    ]
    print_table(("round", "feedback", "selection"), rows)


def _proposals(report: EvolveReport) -> None:
    if not report.proposals:
        return
    rows = [
        (
            p.id,
            p.strategy,
            "kept" if p.verdict.accepted else "rejected",
            p.verdict.rule,
            p.verdict.reason,
        )
        for p in report.proposals
    ]
    print_table(("proposal", "strategy", "verdict", "by", "reason"), rows)


def _unscored(report: Report) -> None:
    if not report.unscored:
        return
    _say(f"Unscored, and in no mean ({len(report.unscored)}):", "yellow")
    for line in report.unscored[:_UNSCORED_SHOWN]:
        _say(f"  {line}")
    if len(report.unscored) > _UNSCORED_SHOWN:
        _say(f"  … and {len(report.unscored) - _UNSCORED_SHOWN} more (-f json lists all)")


def _cost(report: Report) -> None:
    spend = report.spend
    _say(
        f"Cost: {spend.calls:,} model calls, {spend.cached:,} cached; {spend.input_tokens:,} "
        f"input + {spend.output_tokens:,} output tokens; {money(spend)}; "
        f"{duration(report.wall_seconds)}."
    )
    if report.reused:
        _say(f"{report.reused} results were known from earlier runs and cost nothing.")


def _conclusion(report: EvolveReport, place: Place) -> None:
    _say(f"\n{report.conclusion}", "bold green" if report.commit else "bold")
    if report.rounds and report.vanilla is None:
        _say("The holdout was not touched.")
    if report.changes:
        _say("What changed:" if report.commit else "What was found and not committed:")
        print_diff(report.changes)
    if report.commit:
        _say(f"\nUndo it: agp rollback{place.flags} {short(report.commit)}")


def _next(report: Report, place: Place) -> None:
    _say(f"See again: agp show{place.flags} {report.run}")
    _say(f"Traces:    agp trace list{place.flags} --run {report.run}")
