"""``agp log`` and ``agp diff``: what changed, why, on what evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Limit, Output, Place

if TYPE_CHECKING:
    from agp.project import Project
    from agp.rspl.commits import Commit


@grouped
def log(
    place: Place,
    resource: Annotated[
        str | None, typer.Argument(help="Only commits that changed this resource.")
    ] = None,
    branch: Branch = MAIN,
    limit: Limit = 20,
    output: Output = Format.table,
) -> None:
    """List commits, newest first: who changed what, and why.

    Examples:

      agp log

      agp log prompt/solver

      agp log --branch quickstart-0-gsm8k -f json
    """
    from agp.cli.naming import find_resource
    from agp.cli.opening import opened
    from agp.cli.render import moment, print_json, print_table, short

    with opened(place, branch=branch) as project:
        rid = find_resource(project, resource) if resource else None
        commits = project.history.log(branch, rid, limit)
    if output is Format.json:
        print_json([commit.data() for commit in commits])
        return
    rows = [(short(c.id), moment(c.created_at), c.author.split()[0], _why(c)) for c in commits]
    print_table(("commit", "when", "by", "what and why"), rows, empty="No commit did that.")


def _why(commit: Commit) -> str:
    """What a commit did and why, and what it goes back to."""
    from agp.cli.influence import told

    origins = told(commit.evidence)
    return f"{commit.message} (from {origins})" if origins else commit.message


@grouped
def diff(
    a: Annotated[str, typer.Argument(help="RESOURCE[@VERSION] or a commit.")],
    place: Place,
    b: Annotated[str | None, typer.Argument(help="What to compare it with.")] = None,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Show what differs: two versions, two commits, or the last change of one.

    Examples:

      agp diff prompt/solver                                what its last change did

      agp diff prompt/solver@1.0.0                          from then to what is live

      agp diff prompt/solver@1.0.0 prompt/solver@1.0.1

      agp diff 3f2a9c01b7de 88d0e1f2a3b4                    everything between two commits
    """
    from agp.cli.opening import opened
    from agp.cli.render import print_diff, print_json

    with opened(place, branch=branch) as project:
        found = _differences(project, a, b)
    if output is Format.json:
        print_json([{"resource": name, "diff": text} for name, text in found])
    elif not any(text for _, text in found):
        typer.echo("No difference.")
    else:
        print_diff("\n".join(text for _, text in found))


def _differences(project: Project, a: str, b: str | None) -> list[tuple[str, str]]:
    from agp.cli.naming import find_commit, find_version
    from agp.errors import InputError
    from agp.rspl.lineage.diff import diff_records, diff_views

    left, right = find_commit(project, a), find_commit(project, b) if b else None
    if left and b and right:
        views = [project.history.view_at(each.id) for each in (left, right)]
        return [(str(rid), text) for rid, text in diff_views(*views)]
    if left and not b:
        return commit_differences(project, left)
    if left or right:
        raise InputError("A commit cannot be compared with a resource.", hint="agp diff --help")
    new = find_version(project, b or a.partition("@")[0])
    if b or "@" in a:
        return [(new.title, diff_records(find_version(project, a).record, new.record))]
    last = project.history.log(project.registry.branch, new.rid, 1)
    changes = [c for commit in last for c in commit.changes if c.resource == new.rid]
    before = next((project.history.load(c.before) for c in changes if c.before), None)
    return [(new.title, diff_records(before, new.record))]


def commit_differences(
    project: Project, commit: Commit, *, backwards: bool = False
) -> list[tuple[str, str]]:
    """What a commit changed, or what undoing it would change, resource by resource."""
    from agp.rspl.lineage.diff import diff_records

    found: list[tuple[str, str]] = []
    for change in commit.changes:
        digests = [change.before, change.after]
        before, after = (project.history.load(each) if each else None for each in digests)
        old, new = (after, before) if backwards else (before, after)
        found.append((str(change.resource), diff_records(old, new)))
    return found
