"""``agp blame``: which commit brought each line, and on what evidence."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Output, Place

if TYPE_CHECKING:
    from agp.project import Project
    from agp.rspl.lineage.blame import BlamedLine


@grouped
def blame(
    resource: Annotated[str, typer.Argument(help="RESOURCE or RESOURCE@VERSION.")],
    place: Place,
    part: Annotated[
        str | None,
        typer.Option(help="Only this part: its path, or the end of it (system, tool.py)."),
    ] = None,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Show, line by line, which commit brought it: when, by whom, on what evidence.

    Lines that a merge brought in are blamed on their commit in the merged branch.

    Examples:

      agp blame prompt/solver

      agp blame prompt/solver@1.0.2 --part system

      agp blame tool/search --part tool.py -f json
    """
    from agp.cli.opening import opened
    from agp.cli.render import print_json

    with opened(place, branch=branch) as project:
        lines = _blamed(project, resource, part)
    if output is Format.json:
        print_json([asdict(line) for line in lines])
        return
    for path in dict.fromkeys(line.path for line in lines):
        _show(path, [line for line in lines if line.path == path])


def _blamed(project: Project, resource: str, part: str | None) -> list[BlamedLine]:
    from agp.cli.naming import find_version
    from agp.errors import NotFoundError
    from agp.rspl.lineage.blame import blame
    from agp.rspl.lineage.graph import moves

    version, at = find_version(project, resource), project.registry.branch
    if "@" in resource and not version.live:
        past = reversed(moves(project.history, version.rid).values())
        at = next((moved.commit for moved in past if moved.after == version.record.digest), None)
        if at is None:
            raise NotFoundError("commit that made this live", version.title)
    return blame(project.history, version.rid, at=at, path=part)


def _show(path: str, lines: list[BlamedLine]) -> None:
    from agp.cli.evidence import figures
    from agp.cli.render import console, moment, print_table, short, styled

    console().print(styled(path, "bold"))
    rows = [
        (
            short(line.origin.commit),
            moment(line.origin.created_at),
            line.origin.author.split()[0],
            figures(line.origin.evidence) or line.origin.operator,
            line.number,
            line.text,
        )
        for line in lines
    ]
    print_table(("commit", "when", "by", "evidence", "", "line"), rows, empty="It is empty.")
