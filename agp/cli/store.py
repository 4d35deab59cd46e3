"""``agp store``: what the store is, and moving it between schemas."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Output, Place, Yes

if TYPE_CHECKING:
    pass

app = typer.Typer(
    name="store",
    no_args_is_help=True,
    help="Look at the store, and move it between schemas.\n\nExamples:\n\n"
    "  agp store info\n\n"
    "  agp store upgrade\n\n"
    "  agp store downgrade 0001                 for an older agp",
)


@app.command()
@grouped
def info(place: Place, output: Output = Format.table) -> None:
    """Say where the store is, its schema, its size, and what it holds. Changes nothing.

    Examples:

      agp store info

      agp store info --store postgresql://me@server/agp -f json
    """
    from agp.cli.opening import opened_store
    from agp.cli.render import print_json, print_table
    from agp.store.inspect import inspect_store

    with opened_store(place, migrate=False) as database:
        found = inspect_store(database)
    if output is Format.json:
        print_json(found)
        return
    counts = found.pop("rows")
    found["bytes"] = f"{found['bytes']:,}"
    print_table(("store", ""), found.items())
    print_table(("table", "rows"), [(name, f"{count:,}") for name, count in counts.items()])


@app.command()
@grouped
def upgrade(place: Place) -> None:
    """Bring an older store up to date. Every other command that writes does so as well.

    Examples:

      agp store upgrade
    """
    from agp.cli.opening import opened_store

    with opened_store(place, migrate=False) as database:
        before = database.schema
    with opened_store(place) as database:
        with database.write():  # says why, where it cannot be written
            pass
        after = database.schema
    typer.echo(f"Schema {after}: up to date." if before == after else f"Schema {before} → {after}.")


@app.command()
@grouped
def downgrade(
    revision: Annotated[str, typer.Argument(help="The older schema, as in 0001.")],
    place: Place,
    yes: Yes = False,
) -> None:
    """Take the store back to an older schema, for an older agp.

    What the older schema cannot hold is lost; it is listed first, and --yes or an answer is
    needed. This agp would bring the store up to date again when it next writes.

    Examples:

      agp store downgrade 0001
    """
    from agp.cli.opening import opened_store
    from agp.errors import InputError
    from agp.store.migrate import downgrade as run
    from agp.store.migrate import losses

    with opened_store(place, migrate=False) as database:
        lost = losses(database, revision)
        if lost and not yes:
            listed = ", ".join(f"{count:,} {name}" for name, count in lost.items())
            typer.echo(f"A store of schema {revision} cannot hold: {listed}.")
            if not sys.stdin.isatty():
                raise InputError("Nothing was changed.", hint="To lose them for good: --yes")
            if not typer.confirm("Lose them for good?"):
                typer.echo("Nothing was changed.")
                raise typer.Exit(1)
        run(database.engine, revision)
    typer.echo(f"The store has schema {revision} now: use it with an agp that knows no newer one.")
