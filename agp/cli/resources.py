"""``agp resources``: what is live, and its versions."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli import operate
from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Output, Place

if TYPE_CHECKING:
    from agp.project import Project
    from agp.rspl.commits import Commit

Resource = Annotated[str, typer.Argument(help="type/name, or a name that is unique.")]


class TypeOption(StrEnum):
    """The five entity types; `agp.rspl.entities.EntityType`."""

    prompt = "prompt"
    agent = "agent"
    tool = "tool"
    environment = "environment"
    memory = "memory"


app = typer.Typer(
    name="resources",
    invoke_without_command=True,
    help="Prompts, agents, tools, environments, memory: list what is live, and work on it.\n\n"
    "Examples:\n\n"
    "  agp resources --type agent\n\n"
    "  agp resources versions prompt/solver\n\n"
    "  agp resources set prompt/solver params/system='Think, then answer.'\n\n"
    "  agp resources restore prompt/solver 1.0.0\n\n"
    '  agp resources run tool/calculator \'{"expression": "17 * 3"}\'\n\n'
    "  agp resources lock agent.lock.json       then: agp bench run gsm8k --lock agent.lock.json",
)


@app.callback()
@grouped
def list_live(
    context: typer.Context,
    place: Place,
    type_: Annotated[TypeOption | None, typer.Option("--type", help="Only this type.")] = None,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    if context.invoked_subcommand is not None:
        return
    from agp.cli.opening import opened
    from agp.cli.render import clipped, print_json, print_table

    with opened(place, branch=branch) as project:
        rows = [row for row in _live(project) if type_ is None or row["type"] == type_]
    if output is Format.json:
        print_json(rows)
        return
    cells = [
        (
            f"{row['type']}/{row['name']}",
            row["version"],
            row["digest"][:8],
            "yes" if row["evolvable"] else "no",
            clipped(row["description"], 200),
        )
        for row in rows
    ]
    print_table(("resource", "version", "digest", "evolvable", "description"), cells, cut=True)


@app.command()
@grouped
def versions(
    resource: Resource, place: Place, branch: Branch = MAIN, output: Output = Format.table
) -> None:
    """List every version a resource ever had; none is ever lost.

    Examples:

      agp resources versions prompt/solver
    """
    from agp.cli.naming import find_resource
    from agp.cli.opening import opened
    from agp.cli.render import print_json, print_table, short

    with opened(place, branch=branch) as project:
        rid = find_resource(project, resource)
        live = project.registry.view().refs.get(rid)
        found = project.history.versions(rid)
    if output is Format.json:
        print_json([{"version": v, "digest": d, "live": d == live} for v, d in found])
        return
    rows = [(v, short(d), "live" if d == live else "") for v, d in found]
    print_table(("version", "digest", ""), rows)


@app.command()
@grouped
def restore(
    resource: Resource,
    version: Annotated[str, typer.Argument(help="A version, or 6 digits of its digest.")],
    place: Place,
    branch: Branch = MAIN,
) -> None:
    """Make an old version live again, as a new commit.

    Examples:

      agp resources restore prompt/solver 1.0.0
    """
    from agp.cli.naming import find_resource
    from agp.cli.opening import opened

    with opened(place, branch=branch) as project:
        rid = find_resource(project, resource)
        report_commit(project.registry.restore(rid, version), place)


@app.command()
@grouped
def unregister(resource: Resource, place: Place, branch: Branch = MAIN) -> None:
    """Take a resource out of what is live; its history stays.

    Examples:

      agp resources unregister tool/read_file
    """
    from agp.cli.opening import opened

    with opened(place, branch=branch) as project:
        rid = project.registry.view().find(resource)
        report_commit(project.registry.unregister(rid), place)


@app.command()
@grouped
def lock(
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    place: Place,
    branch: Branch = MAIN,
) -> None:
    """Write everything that is live to a lock file: it gives the same digests anywhere.

    Examples:

      agp resources lock agent.lock.json

      agp bench run gsm8k --lock agent.lock.json
    """
    from agp.cli.opening import opened
    from agp.rspl.lock import write_lock

    with opened(place, branch=branch) as project:
        view = project.registry.view()
        write_lock(view, file, project.history)
    typer.echo(f"Wrote {len(view.refs)} resources to {file} (view {view.digest[:12]}).")


for command in (operate.register, operate.update, operate.copy, operate.variables):
    app.command()(command)
app.command("set")(operate.set_)
app.command()(operate.refresh)
app.command()(operate.state)
app.command()(operate.run)


def report_commit(commit: Commit | None, place: Place) -> None:
    """Say what a change became, and how to take it back."""
    if commit is None:
        typer.echo("That is what is live already: nothing was changed.")
        return
    typer.echo(f"Commit {commit.id[:12]} on {commit.branch}: {commit.message}")
    typer.echo(f"Undo it: agp rollback{place.flags} {commit.id[:12]}")


def _live(project: Project) -> list[dict[str, Any]]:
    view = project.registry.view()
    return [
        {
            "type": rid.type.value,
            "name": rid.name,
            "version": project.history.version_of(view.refs[rid]),
            "digest": view.refs[rid],
            "evolvable": view.record(rid).evolvable,
            "description": view.record(rid).description,
        }
        for rid in view
    ]
