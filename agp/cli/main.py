"""The command ``agp``: its commands put together, and the way into them."""

from __future__ import annotations

from typing import Annotated

import typer

from agp.cli import (
    audit,
    bench,
    bisect,
    blame,
    budget,
    bundle,
    contract,
    doctor,
    dossier,
    evolve,
    failures,
    fsck,
    gc,
    history,
    init,
    merge,
    models,
    names,
    policy,
    quickstart,
    resources,
    resume,
    review,
    rollback,
    rollout,
    runs,
    search,
    secrets,
    show,
    stop,
    store,
    trace,
)
from agp.cli import (
    run as run_command,
)

_START = "Start here"
_WORK = "Run and evolve"
_RESOURCES = "Resources"
_LOOK = "Look and undo"
_HISTORY = "Branches and history"
_KEEP = "Store and audit"

app = typer.Typer(
    name="agp",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Agents that get measurably better, with every change versioned, justified and "
    "reversible.\n\n[bold]Examples[/bold]\n\n"
    "  agp quickstart                       watch a real agent evolve, no key needed\n\n"
    "  agp init my-project                  a project of your own\n\n"
    "  agp evolve gsm8k --limit 60          evolve on a benchmark\n\n"
    "  agp log                              what changed, why, on what evidence\n\n"
    "Every command explains itself: agp COMMAND --help.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from agp import __version__

        typer.echo(f"agp {__version__}")
        raise typer.Exit()


@app.callback()
def agp(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    unsafe_sandbox: Annotated[
        bool,
        typer.Option(
            "--unsafe-sandbox",
            help="Where no sandbox is strong enough, run code of models with no boundary at all.",
        ),
    ] = False,
) -> None:
    del version  # dealt with by its callback
    if unsafe_sandbox:
        from agp.sandbox import allow_unsafe

        allow_unsafe()


app.command(rich_help_panel=_START)(quickstart.quickstart)
app.command(rich_help_panel=_START)(init.init)
app.command(rich_help_panel=_START)(doctor.doctor)
app.add_typer(models.app, rich_help_panel=_START)
app.add_typer(policy.app, rich_help_panel=_START)
app.command(rich_help_panel=_WORK)(run_command.run)
app.add_typer(bench.app, rich_help_panel=_WORK)
app.command(rich_help_panel=_WORK)(evolve.evolve)
app.command(rich_help_panel=_WORK)(resume.resume)
app.command(rich_help_panel=_WORK)(stop.stop)
app.add_typer(budget.app, rich_help_panel=_WORK)
app.add_typer(resources.app, rich_help_panel=_RESOURCES)
app.command(rich_help_panel=_RESOURCES)(search.search)
app.command(rich_help_panel=_RESOURCES)(contract.contract)
app.add_typer(bundle.app, rich_help_panel=_RESOURCES)
app.command(rich_help_panel=_LOOK)(history.log)
app.add_typer(runs.app, rich_help_panel=_LOOK)
app.command(rich_help_panel=_LOOK)(show.show)
app.command(rich_help_panel=_LOOK)(history.diff)
app.command(rich_help_panel=_LOOK)(blame.blame)
app.command(rich_help_panel=_LOOK)(rollback.rollback)
app.add_typer(rollout.app, rich_help_panel=_WORK)
app.add_typer(review.app, rich_help_panel=_LOOK)
app.add_typer(trace.app, rich_help_panel=_LOOK)
app.add_typer(names.branch_app, rich_help_panel=_HISTORY)
app.add_typer(names.tag_app, rich_help_panel=_HISTORY)
app.add_typer(names.alias_app, rich_help_panel=_HISTORY)
app.command(rich_help_panel=_HISTORY)(merge.merge)
app.command(rich_help_panel=_HISTORY)(bisect.bisect)
app.add_typer(audit.app, rich_help_panel=_KEEP)
app.command(rich_help_panel=_KEEP)(dossier.dossier)
app.command(rich_help_panel=_KEEP)(fsck.fsck)
app.command(rich_help_panel=_KEEP)(gc.gc)
app.add_typer(secrets.app, rich_help_panel=_KEEP)
app.add_typer(store.app, rich_help_panel=_KEEP)


def run() -> None:
    """The program ``agp``."""
    failures.guarded(lambda: app(prog_name="agp"))


if __name__ == "__main__":
    run()
