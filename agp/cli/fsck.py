"""``agp fsck``: check that everything in the store is what it says it is."""

from __future__ import annotations

from dataclasses import asdict

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Output, Place


@grouped
def fsck(place: Place, output: Output = Format.table) -> None:
    """Check the store: every digest, commit, branch, name and journal. Changes nothing.

    Ends with 0 for a clean store, with 1 where something is wrong.

    Examples:

      agp fsck

      agp fsck -f json
    """
    from agp.cli.opening import opened_store
    from agp.cli.render import console, print_json, print_table
    from agp.rspl.upkeep.fsck import check

    shown = console(stderr=True)
    with opened_store(place) as database, shown.status("Checking …") as status:
        found = check(
            database,
            lambda what, done: status.update(f"Checking {what}{f': {done:,}' if done else ''} …"),
        )
    if output is Format.json:
        print_json([asdict(each) for each in found])
    elif not found:
        typer.echo("The store is clean.")
    else:
        rows = [(each.part, each.where, each.fault) for each in found]
        print_table(("part", "where", "what is wrong"), rows)
        for remedy in dict.fromkeys(each.remedy for each in found):
            typer.echo(remedy)
    raise typer.Exit(1 if found else 0)
