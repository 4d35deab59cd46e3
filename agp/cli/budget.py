"""``agp budget``: what all work on a store together may cost, and what single agents may."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Budget, Format, Output, Place

if TYPE_CHECKING:
    from agp.budget import Budget as Limits
    from agp.budget.manage import Standing

app = typer.Typer(
    name="budget",
    no_args_is_help=True,
    help="Limits that all runs on a store share, and those of single agents.\n\nExamples:\n\n"
    "  agp budget set --budget-usd 20 --budget-calls 5000\n\n"
    "  agp budget set --agent solver --budget-tokens 1000000\n\n"
    "  agp budget show",
)
_ORDER = ("calls", "tokens", "cost_usd", "seconds", "evaluations", "commits")


@dataclass(frozen=True)
class Whose:
    """Whose budget, and who changes it."""

    agent: Annotated[
        str, typer.Option(metavar="NAME", help="Of one agent, in all runs; default: of all work.")
    ] = ""
    actor: Annotated[str, typer.Option(help="Who is named in the audit log.")] = "user"

    @property
    def scope(self) -> str:
        """The scope's name."""
        return f"agent/{self.agent}" if self.agent else "global"


@app.command()
@grouped
def show(place: Place, output: Output = Format.table) -> None:
    """Show the shared budgets: what is spent, what runs have set aside, what is left.

    What is set aside counts as spent until it is settled; a killed run leaves some behind.

    Examples:

      agp budget show

      agp budget show -f json
    """
    from agp.budget.manage import standings
    from agp.cli.opening import opened_store
    from agp.cli.render import print_json, print_table

    with opened_store(place) as database:
        found = standings(database, _policy(place.project))
    if output is Format.json:
        print_json([each.data() for each in found])
        return
    rows = [row for each in found for row in _rows(each)]
    headers = ("budget", "of", "limit", "spent", "set aside", "left")
    print_table(headers, rows, empty="No limits are set: agp budget set")


@app.command("set")
@grouped
def set_(
    place: Place,
    budget: Budget,
    whose: Whose,
    lift: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Lift a limit: {', '.join(_ORDER)}; repeatable."),
    ] = None,
) -> None:
    """Set limits for all work on the store, or for one agent; others stay as they are.

    Spending counts from the first limit on. Runs that are under way heed it too.

    Examples:

      agp budget set --budget-usd 20

      agp budget set --agent solver --budget-calls 1000

      agp budget set --lift cost_usd
    """
    from agp.budget.manage import set_limits
    from agp.cli.opening import opened_store
    from agp.errors import InputError, NotFoundError

    for name in lift or []:
        if name not in _ORDER:
            raise NotFoundError("limit", name, _ORDER)
    limits: dict[str, float | None] = {**budget.limits(), **dict.fromkeys(lift or [])}
    if not limits:
        raise InputError("No limit was named.", hint="agp budget set --budget-calls 1000")
    with opened_store(place) as database:
        now = set_limits(database, whose.scope, limits, author=whose.actor)
    said = ", ".join(f"{limit:g} {name}" for name, limit in now.limits().items())
    typer.echo(f"{whose.scope}: {said or 'no limit'}")


@app.command()
@grouped
def reset(place: Place, whose: Whose) -> None:
    """Count anew from zero; limits stay, and so does what runs under way have set aside.

    Examples:

      agp budget reset

      agp budget reset --agent solver
    """
    from agp.budget.manage import reset as reset_
    from agp.cli.opening import opened_store

    with opened_store(place) as database:
        was = reset_(database, whose.scope, author=whose.actor)
    said = ", ".join(f"{value:g} {name}" for name, value in was.data().items())
    typer.echo(f"{whose.scope}: nothing is spent now (it was {said or 'nothing'}).")


def _policy(folder: Path) -> dict[str, Limits]:
    """The shared limits that the project's policy adds."""
    from agp.budget.accounts import shared_limits
    from agp.permissions import read_policy

    policy = read_policy(folder).budget
    return shared_limits(policy.all_, policy.agents)


def _rows(standing: Standing) -> list[tuple[object, ...]]:
    limits = standing.limits.limits()
    spent, held = standing.spent, standing.reserved
    rows: list[tuple[object, ...]] = []
    for name in _ORDER:
        gone, aside, limit = getattr(spent, name), getattr(held, name), limits.get(name)
        if limit is None and not gone and not aside:
            continue
        left = "-" if limit is None else f"{max(0, limit - gone - aside):g}"
        shown = "no limit" if limit is None else f"{limit:g}"
        rows.append((standing.scope, name, shown, f"{gone:g}", f"{aside:g}", left))
    return rows
