"""``agp contract``: the document that says what resources can do, and whether one is current."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Output, Place
from agp.cli.resources import TypeOption

if TYPE_CHECKING:
    from agp.project import Project
    from agp.rspl.contract import Contract

_MANY = 10_000_000


@grouped
def contract(
    place: Place,
    resources: Annotated[
        list[str] | None, typer.Argument(help="Resources; default: everything that is live.")
    ] = None,
    agent: Annotated[str, typer.Option(metavar="NAME", help="What this agent may use.")] = "",
    type_: Annotated[
        TypeOption | None, typer.Option("--type", help="All resources of this type.")
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=_MANY, help="At most this many tokens, estimated."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write it there.")
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Say whether a saved contract is still current."),
    ] = None,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Write what resources can do as one document for an agent's context.

    Under a budget it says less of each resource, but never leaves one out.

    Examples:

      agp contract --type tool

      agp contract --agent tool_calling --budget 600

      agp contract -o contract.md

      agp contract --check contract.md                      exits with 1 if it is outdated
    """
    from agp.cli.opening import opened
    from agp.cli.render import clean, print_json
    from agp.errors import InputError
    from agp.rspl.contract import Scope, contract_of, save_contract
    from agp.rspl.entities import EntityType

    if check is not None:
        if resources or agent or type_ or budget is not None or file:
            raise InputError(
                "--check takes nothing beside the file.",
                hint="The file says itself which resources and which budget it was made for.",
            )
        with opened(place, branch=branch) as project:
            _check(project, check, output, place)
        return
    scope = Scope(
        resources=tuple(resources) if resources else None,
        type=EntityType(type_.value) if type_ else None,
        agent=agent,
    )
    with opened(place, branch=branch) as project:
        made = contract_of(project.registry.view(), scope, budget=budget)
    if file is not None:
        save_contract(made, file)
    if output is Format.json:
        print_json(_data(made))
    elif file is not None:
        typer.echo(f"Wrote {len(made.resources)} resources to {file} (≤ {made.tokens:,} tokens).")
    else:
        typer.echo(clean(made.text), nl=False)


def _check(project: Project, file: Path, output: Format, place: Place) -> None:
    from agp.cli.render import print_json
    from agp.rspl.contract import load_contract, outdated

    changed = outdated(load_contract(file), project.registry.view())
    if output is Format.json:
        print_json({"current": not changed, "changed": changed})
    elif changed:
        typer.echo(f"{file} is outdated; changed since: {', '.join(changed)}.")
        typer.echo(f"Make it anew with: agp contract{place.flags} … -o {file}")
    else:
        typer.echo(f"{file} is current.")
    if changed:
        raise typer.Exit(1)


def _data(contract: Contract) -> dict[str, object]:
    return {"digest": contract.digest, "sources": contract.sources, **contract.body()}
