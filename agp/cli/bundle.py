"""``agp bundle``: carry resources with all their versions from store to store, in one file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Output, Place
from agp.cli.resources import TypeOption

if TYPE_CHECKING:
    from agp.rspl.bundle import Bundle, Imported
    from agp.rspl.entities import ResourceId
    from agp.rspl.history import History

File = Annotated[Path, typer.Argument(help="The bundle file.")]

app = typer.Typer(
    name="bundle",
    no_args_is_help=True,
    help="Carry resources with all their versions from store to store.\n\nExamples:\n\n"
    "  agp bundle export all.agp                    everything, history included\n\n"
    "  agp bundle export solver.agp --agent solver  an agent and all it uses\n\n"
    "  agp bundle show solver.agp\n\n"
    "  agp bundle import solver.agp",
)


@app.command("export")
@grouped
def export(
    file: File,
    place: Place,
    resources: Annotated[
        list[str] | None, typer.Argument(metavar="[RESOURCE]...", help="type/name; default: all.")
    ] = None,
    type_: Annotated[TypeOption | None, typer.Option("--type", help="All of this type.")] = None,
    agent: Annotated[str | None, typer.Option(help="An agent and all it uses.")] = None,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Write resources with all their versions, names and reasons to one file.

    Examples:

      agp bundle export all.agp

      agp bundle export two.agp prompt/solver tool/calculator

      agp bundle export prompts.agp --type prompt
    """
    from agp.cli.opening import opened_store
    from agp.cli.render import print_json
    from agp.rspl.bundle import export_bundle
    from agp.rspl.history import History

    with opened_store(place) as database:
        history = History(database)
        wanted = _chosen(history, branch, resources or [], type_, agent)
        done = export_bundle(history, file, resources=wanted, branch=branch)
    if output is Format.json:
        print_json(asdict(done))
        return
    typer.echo(f"Wrote {_counted(done.counts)} to {file} (bundle {done.digest[:12]}).")


@app.command("import")
@grouped
def import_(
    file: File,
    place: Place,
    branch: Annotated[str, typer.Option(help="Where its live versions become live.")] = MAIN,
    activate: Annotated[
        bool, typer.Option("--activate/--no-activate", help="Make its live versions live.")
    ] = True,
    as_branch: Annotated[
        str | None, typer.Option(metavar="NAME", help="Take its commits over as a branch.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    output: Output = Format.table,
) -> None:
    """Take a bundle in: verified as a whole first, then all of it or nothing.

    Examples:

      agp bundle import solver.agp --dry-run

      agp bundle import solver.agp --no-activate

      agp bundle import all.agp --as-branch theirs
    """
    from agp.cli.opening import opened_store
    from agp.cli.render import print_json
    from agp.rspl.bundle import import_bundle
    from agp.rspl.history import History

    with opened_store(place) as database:
        history = History(database)
        if activate and as_branch is None and history.branches():
            history.view(branch)  # only what is said to make a branch makes one
        done = import_bundle(
            history, file, branch=branch, activate=activate, as_branch=as_branch, dry_run=dry_run
        )
    if output is Format.json:
        print_json(_imported(done))
    else:
        _tell(done, place, dry_run=dry_run)
        if as_branch is not None and not dry_run:
            typer.echo(
                f"Branch {as_branch} stands where it stood there: agp log --branch {as_branch}"
            )


@app.command("show")
@grouped
def show(file: File, output: Output = Format.table) -> None:
    """Verify a bundle and list what it holds; needs no store.

    Examples:

      agp bundle show solver.agp
    """
    from agp.cli.render import print_json, print_table
    from agp.rspl.bundle import read_bundle

    bundle = read_bundle(file)
    rows = _rows(bundle)
    if output is Format.json:
        data = {"bundle": bundle.digest, "branch": bundle.branch, "head": bundle.head}
        print_json({**data, "commits": len(bundle.commits), "resources": rows})
        return
    typer.echo(
        f"Bundle {bundle.digest[:12]}: branch {bundle.branch}, {len(bundle.commits)} commits."
    )
    cells = [(row["resource"], row["versions"], row["live"] or "-") for row in rows]
    print_table(("resource", "versions", "live"), cells)


def _chosen(
    history: History, branch: str, named: list[str], type_: TypeOption | None, agent: str | None
) -> set[ResourceId] | None:
    """The resources that were asked for, None for all of them."""
    from agp.cli.naming import find_in
    from agp.errors import InputError
    from agp.rspl.dependencies import closure
    from agp.rspl.entities import EntityType

    if not named and type_ is None and agent is None:
        return None
    view = history.view(branch)
    chosen = {find_in(history, view, each) for each in named}
    if type_ is not None:
        chosen |= {rid for rid in view if rid.type == type_}
    if agent is not None:
        chosen |= set(closure(view.find(agent, EntityType.AGENT), view.record))
    if not chosen:
        raise InputError(f"There is no live {type_}.", hint="See what there is: agp resources")
    return chosen


def _counted(counts: dict[str, int]) -> str:
    names = {"object": "objects", "version": "versions", "alias": "aliases", "commit": "commits"}
    found = [f"{counts[kind]:,} {name}" for kind, name in names.items() if counts.get(kind)]
    return ", ".join(found) or "nothing"


def _rows(bundle: Bundle) -> list[dict[str, Any]]:
    return [
        {
            "resource": str(rid),
            "versions": sum(each.resource == rid for each in bundle.versions),
            "live": next((e.semver for e in bundle.versions if e.resource == rid and e.live), None),
        }
        for rid in bundle.resources
    ]


def _imported(done: Imported) -> dict[str, Any]:
    renamed = [{**asdict(each), "resource": str(each.resource)} for each in done.renamed]
    counts = {name: getattr(done, name) for name in ("objects", "versions", "aliases", "commits")}
    commit = done.commit.id if done.commit else None
    return {"bundle": done.digest, **counts, "renamed": renamed, "commit": commit}


def _tell(done: Imported, place: Place, *, dry_run: bool) -> None:
    from agp.cli.render import print_table

    verb = "Would take in" if dry_run else "Took in"
    typer.echo(
        f"{verb} {done.objects} objects, {done.versions} versions, {done.aliases} aliases, "
        f"{done.commits} commits; the rest was here."
    )
    if done.renamed:
        rows = [(str(e.resource), e.there, e.here, e.digest[:12]) for e in done.renamed]
        print_table(("resource", "in the bundle", "here", "digest"), rows)
    if done.commit is not None:
        commit = done.commit
        typer.echo(f"Live on {commit.branch}: {len(commit.changes)} resources.")
        if not dry_run:
            typer.echo(f"Undo it: agp rollback{place.flags} {commit.id[:12]}")
