"""``agp rollback``: take a commit back, one resource to an old version, or an influence."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Output, Place, Yes

if TYPE_CHECKING:
    from agp.project import Project
    from agp.rspl.commits import Commit


@grouped
def rollback(
    place: Place,
    target: Annotated[
        str | None, typer.Argument(help="A commit; or a resource, with VERSION.")
    ] = None,
    version: Annotated[str | None, typer.Argument(help="The resource's old version.")] = None,
    branch: Annotated[
        str | None, typer.Option(help="Default: the commit's own branch, or main.")
    ] = None,
    influence: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL", help="Undo all that this sample, trace, run or tool influenced."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --influence: only say what would be undone.")
    ] = False,
    yes: Yes = False,
    output: Output = Format.table,
) -> None:
    """Undo a commit, or bring back an old version of a resource. Nothing is ever lost.

    Undoing is a new commit, so it can be undone as well.

    Examples:

      agp rollback 3f2a9c01b7de

      agp rollback prompt/solver 1.0.0 --yes

      agp rollback --influence gsm8k/17 --dry-run      all that a poisoned sample led to

      agp rollback --influence evolve-20260101-120000-ab12
    """
    from agp.cli.influence import undo
    from agp.cli.opening import opened
    from agp.cli.resources import report_commit

    target = _checked(target, influence, only=dry_run or output is not Format.table)
    with opened(place) as project:
        if influence is not None:
            _stand_on(project, branch or project.registry.branch)
            undo(project, influence, place, output, ask=not yes, dry_run=dry_run)
            return
        if version is None:
            commit = _undo(project, target, branch, ask=not yes)
        else:
            commit = _restore(project, target, version, branch, ask=not yes)
        report_commit(commit, place)


def _checked(target: str | None, influence: str | None, *, only: bool) -> str:
    """The target; empty with --influence. Raises InputError for what does not go together."""
    from agp.errors import InputError

    if (target is None) == (influence is None):
        raise InputError(
            "Name what to take back: a commit, a resource with a version, or --influence.",
            hint="agp rollback --help",
        )
    if only and influence is None:
        raise InputError("--dry-run and --format go with --influence.", hint="agp rollback --help")
    return target or ""


def _undo(project: Project, target: str, branch: str | None, *, ask: bool) -> Commit | None:
    from agp.cli.history import commit_differences
    from agp.errors import InputError

    if "/" in target:
        raise InputError(
            f"To which version of {target}?",
            hint=f"agp rollback {target} VERSION; see: agp resources versions {target}",
        )
    commit = project.history.find_commit(target)
    _stand_on(project, branch or commit.branch)
    live = project.registry.view().refs
    if all(live.get(change.resource) == change.after for change in commit.changes):
        changes = commit_differences(project, commit, backwards=True)
        _confirm(f"Undo {commit.id[:12]}: {commit.message}", changes, ask=ask)
    return project.registry.rollback(commit.id)


def _restore(
    project: Project, target: str, version: str, branch: str | None, *, ask: bool
) -> Commit | None:
    from agp.cli.naming import find_resource
    from agp.rspl.lineage.diff import diff_records

    _stand_on(project, branch or project.registry.branch)
    rid = find_resource(project, target)
    view = project.registry.view()
    old = project.registry.version(rid, version)
    text = diff_records(view.record(rid) if rid in view else None, old)
    if text:
        _confirm(f"Make {rid} {version} live again", [(str(rid), text)], ask=ask)
    return project.registry.restore(rid, version)


def _stand_on(project: Project, branch: str) -> None:
    project.history.view(branch)
    project.registry.branch = branch


def _confirm(title: str, changes: list[tuple[str, str]], *, ask: bool) -> None:
    """Show what will change; on a terminal, ask. Exits with 1 on a no."""
    from agp.cli.render import print_diff

    typer.echo(title)
    print_diff("\n".join(text for _, text in changes))
    if ask and sys.stdin.isatty() and not typer.confirm("Do it?"):
        typer.echo("Nothing was changed.")
        raise typer.Exit(1)
