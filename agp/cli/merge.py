"""``agp merge``: bring what another branch has into a branch."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Format, Output, Place

if TYPE_CHECKING:
    from agp.rspl.lineage.merge import MergeConflict, MergeResult

_SHOWN = 3
"""The commits of each side that are shown with a conflict."""


@grouped
def merge(
    other: Annotated[str, typer.Argument(help="A branch, a tag or a commit.")],
    place: Place,
    into: Annotated[str, typer.Option(help="The branch that takes it in.")] = MAIN,
    ours: Annotated[
        bool, typer.Option("--ours", help="Where both changed a part, keep what INTO has.")
    ] = False,
    theirs: Annotated[
        bool, typer.Option("--theirs", help="Where both changed a part, take what OTHER has.")
    ] = False,
    resolve: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Decisions, as JSON.")
    ] = None,
    message: Annotated[str, typer.Option("--message", "-m", help="Why.")] = "",
    output: Output = Format.table,
) -> None:
    """Bring what another branch has into a branch, as one commit with two parents.

    What only one side changed is taken from it; what both changed is put together line by line.
    Conflicts are shown with both sides, and nothing is written: exit code 1. Decide them all
    with --ours or --theirs, or one by one in a file: a conflict shows how such a file begins.

    Examples:

      agp merge trial

      agp merge trial --into main --theirs

      agp merge trial --resolve decisions.json

      agp merge trial -f json                  conflicts as data
    """
    from agp.cli.opening import opened
    from agp.cli.render import print_json
    from agp.errors import InputError
    from agp.rspl.lineage.merge import MergeConflict, merge_branch

    if ours and theirs:
        raise InputError("--ours and --theirs exclude each other.", hint="Give one of them.")
    take = "ours" if ours else "theirs" if theirs else None
    resolutions = _read(resolve) if resolve else None
    with opened(place, branch=into) as project:
        try:
            done = merge_branch(
                project.registry, other, take=take, resolutions=resolutions, message=message
            )
        except MergeConflict as conflict:
            if output is Format.json:
                print_json({"merged": False, **conflict.data()})
            else:
                _show_conflicts(conflict, place)
            raise typer.Exit(1) from None
    if output is Format.json:
        print_json({"merged": True, **asdict(done)})
    else:
        _show(done, place)


def _read(file: Path) -> dict[str, Any]:
    """The decisions in a file. Raises InputError."""
    import json

    from agp.errors import InputError

    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no file {file}.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as JSON: {error}.") from error
    if not isinstance(found, dict):
        raise InputError(f"{file} must hold one object: resource → decision.")
    return found  # pyright: ignore[reportUnknownVariableType]


def _show(done: MergeResult, place: Place) -> None:
    heads = done.heads
    if done.commit is None:
        typer.echo(f"{heads.into} has all that {heads.other} has: nothing was changed.")
        return
    names = ", ".join(done.resources) or "no resource: both sides had made the same changes"
    typer.echo(f"Commit {done.commit[:12]} on {heads.into}: {heads.other} is merged, {names}")
    typer.echo(f"Undo it: agp rollback{place.flags} {done.commit[:12]}")


def _show_conflicts(error: MergeConflict, place: Place) -> None:
    from agp.cli.evidence import figures
    from agp.cli.render import clean, console, moment, print_diff

    heads, out = error.heads, console()
    for rid, sides in error.moved.items():
        for conflict in error.conflicts:
            if conflict.resource == rid:
                out.print(clean(f"{conflict}: {conflict.why}"), style="bold", soft_wrap=True)
                print_diff(conflict.text)
        for side, commits in sides.items():
            for each in commits[:_SHOWN]:
                about = f"  {side}: {each.commit[:12]} {moment(each.created_at)} {each.message}"
                out.print(clean(f"{about} {figures(each.evidence)}".rstrip()), soft_wrap=True)
    again = f"agp merge{place.flags} {heads.other} --into {heads.into}"
    number = len(error.conflicts)
    lines = (
        f"\n{number} conflict{'s' * (number > 1)}: nothing was changed. Ours is {heads.into}, "
        f"theirs is {heads.other}.",
        f"Take one side everywhere: {again} --ours (or --theirs)",
        f"Decide each: {again} --resolve FILE, where FILE holds, for example:",
        f"  {_example(error)}",
    )
    for line in lines:
        out.print(clean(line), soft_wrap=True)


def _example(error: MergeConflict) -> str:
    """A file that would decide the first conflict."""
    import json

    conflict = error.conflicts[0]
    decision = {conflict.path: {"take": "theirs"}} if conflict.path else "theirs"
    return json.dumps({str(conflict.resource): decision})
