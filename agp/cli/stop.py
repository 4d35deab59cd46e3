"""``agp stop``: end every run on a store, from another terminal."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Output, Place


@grouped
def stop(
    place: Place,
    reason: Annotated[str, typer.Option(help="Why; the runs that end say it.")] = "",
    actor: Annotated[
        str | None, typer.Option(help="Who stops them; default: your name on this machine.")
    ] = None,
    drill: Annotated[
        bool,
        typer.Option(
            "--drill", help="Try it on a run and a store made for it; nothing is touched."
        ),
    ] = False,
    output: Output = Format.table,
) -> None:
    """Stop every run on the store: nothing starts any more, and nothing commits.

    Calls under way are cancelled; everything finished is kept, and agp resume goes on. Runs that
    begin later, and your own changes, are not hindered.

    Examples:

      agp stop

      agp stop --reason "the judge is broken"

      agp stop --drill                            how long does it take until all is quiet?
    """
    if drill:
        _drill(place, output)
        return
    from agp.cli.opening import opened_store
    from agp.cli.render import print_json
    from agp.runs.journal import RUNNING, list_runs
    from agp.stop import order

    with opened_store(place) as database:
        made = order(database, actor or _me(), reason)
        open_ = [run.id for run in list_runs(database, 1000) if run.status == RUNNING]
    if output is Format.json:
        print_json({**made._asdict(), "runs": open_})
        return
    typer.echo(f"Stop {made.id} is ordered: what has begun starts and commits nothing any more.")
    for run in open_:
        typer.echo(f"Under way, or killed before: {run}   (agp resume{place.flags} {run})")


def _drill(place: Place, output: Format) -> None:
    from agp.cli.render import duration, print_json
    from agp.cli.stop_drill import drill
    from agp.config import read_config, store_location

    location = store_location(place.project, place.store, read_config(place.project))
    found = drill(str(location))
    if output is Format.json:
        print_json(found._asdict())
    else:
        typer.echo(
            f"{found.calls} calls were in flight, each with a side effect every "
            f"{1000 * found.every_s:.0f} ms. From the order to the last one: "
            f"{duration(found.quiet_s)}; to the end of the run: {duration(found.ended_s)}."
        )
        typer.echo(found.message)
    if not found.stopped:
        raise typer.Exit(1)


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "user"
