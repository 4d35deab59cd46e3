"""``agp runs``: which runs there are, one of them whole, several side by side, one as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Limit, Output, Place

if TYPE_CHECKING:
    from agp.runs.compare import Comparison
    from agp.runs.listing import RunSummary, StoredRun

_RUN = "A run: its id, a unique beginning of it, or latest."

app = typer.Typer(
    name="runs",
    no_args_is_help=True,
    help="See what was run, what it found and what it cost, also while it goes on.\n\n"
    "A run is named by its id, by a unique beginning of it, or as latest.\n\nExamples:\n\n"
    "  agp runs list\n\n"
    "  agp runs show latest\n\n"
    "  agp runs report latest -o report.html",
)


@app.command("list")
@grouped
def list_all(
    place: Place,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only these: bench, evolve, …")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS", help="Only these: running, stopped, finished, failed, refused."
        ),
    ] = None,
    limit: Limit = 20,
    output: Output = Format.table,
) -> None:
    """List runs, newest first: scores with 95 % intervals, evaluations, tokens, cost and time.

    The scores of an evolution are those on its holdout, of the agent before and after; a search
    that found nothing did not touch the holdout and has none.

    Examples:

      agp runs list

      agp runs list --kind evolve --status stopped

      agp runs list --limit 100 -f json
    """
    from agp.cli.opening import opened_store
    from agp.cli.render import print_json, print_table
    from agp.runs.listing import list_summaries

    with opened_store(place, migrate=False) as database:
        found = list_summaries(database, kind=kind, status=status, limit=limit)
    if output is Format.json:
        print_json([each.model_dump(mode="json") for each in found])
        return
    headers = ("run", "what", "score, %", "spent")
    filtered = kind is not None or status is not None
    empty = "No such run: agp runs list" if filtered else "No run yet: agp evolve"
    print_table(headers, map(_row, found), empty=empty)


@app.command()
@grouped
def show(
    run: Annotated[str, typer.Argument(help=_RUN)],
    place: Place,
    output: Output = Format.table,
) -> None:
    """Show a run whole: settings, splits, plan, every candidate, the decision, cost, sessions.

    Examples:

      agp runs show latest

      agp runs show evolve-20260101-120000-ab12

      agp runs show latest -f json
    """
    from agp.cli.render import print_json
    from agp.cli.run_tables import run_data, show_run

    (found,) = _read([run], place)
    if output is Format.json:
        print_json(run_data(found))
        return
    show_run(found, place)


@app.command()
@grouped
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN…", help=_RUN)],
    place: Place,
    output: Output = Format.table,
) -> None:
    """Put runs side by side; each is compared with the first, sample by sample where it can be.

    Two runs of the same benchmark, seed and sizes have the same holdout: what they came to is
    compared on it, in pairs. The interval is for one comparison; of many, some exclude 0 by chance.

    Examples:

      agp runs compare evolve-20260101-120000-ab12 latest

      agp runs compare evolve-20260101-12 evolve-20260102-09 evolve-20260103-17 -f json
    """
    from agp.cli.render import print_json
    from agp.cli.run_tables import show_comparison
    from agp.runs.compare import compare as compared

    comparison: Comparison = compared(_read(runs, place))
    if output is Format.json:
        print_json(comparison.model_dump(mode="json"))
        return
    show_comparison(comparison)


@app.command()
@grouped
def report(
    run: Annotated[str, typer.Argument(help=_RUN)],
    place: Place,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write the page.")
    ] = Path("report.html"),
) -> None:
    """Write a run as one HTML page with figures that opens anywhere, without a network.

    The page holds the figures' library too, which makes it about 5 MB. It needs plotly:
    pip install 'autogenesis-agp[plot]'

    Examples:

      agp runs report latest

      agp runs report evolve-20260101-120000-ab12 -o report.html
    """
    from agp.cli.render import note
    from agp.plot.page import page

    (found,) = _read([run], place)
    _write(out, page(found))
    note(f"Wrote {out}")


def _read(names: list[str], place: Place) -> list[StoredRun]:
    from agp.cli.opening import opened_store
    from agp.runs.listing import read_run

    with opened_store(place, migrate=False) as database:
        return [read_run(database, name) for name in names]


def _write(out: Path, text: str) -> None:
    """All of the text, or no file: it is put in its place when it is written."""
    from agp.errors import InputError

    written = out.with_name(f".{out.name}.new")
    try:
        written.write_text(text, encoding="utf-8")
        written.replace(out)
    except OSError as error:
        written.unlink(missing_ok=True)
        raise InputError(
            f"{out} cannot be written: {error.strerror or error}.",
            hint="Name another file: -o FILE",
        ) from error


def _row(each: RunSummary) -> tuple[object, ...]:
    from agp.cli.render import duration, moment, money
    from agp.cli.run_tables import in_short

    agent = each.agent.removeprefix("agent/")
    after = f"\n→ {in_short(each.after)}" if each.after else ""
    spend = each.spend
    cost = "cost unknown" if spend.unpriced else money(spend)
    return (
        f"{each.id}\n{each.status}, {moment(each.begun)}",
        f"{agent + ' on ' if agent else ''}{each.benchmark}\n{each.optimizer}".strip(),
        in_short(each.before) + after,
        f"{spend.evaluations:,} evals, {duration(each.wall_seconds)}\n"
        f"{spend.tokens:,} tokens, {cost}",
    )
