"""``agp rollback --influence``: take back all that a sample, a trace, a run or a tool led to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from agp.cli.options import Format, Place

if TYPE_CHECKING:
    from agp.project import Project
    from agp.rspl.commits import Commit
    from agp.rspl.lineage.influence import Influence

_SHOWN = 6


def undo(
    project: Project, text: str, place: Place, output: Format, *, ask: bool, dry_run: bool
) -> None:
    """Show what ``text`` influenced on the project's branch, and, after a yes, undo it.

    Exits with 1 on a no. Raises InputError for a name that is not known or not clear.
    """
    from agp.cli.resources import report_commit
    from agp.rspl.lineage.influence import influence_of
    from agp.rspl.lineage.undoing import find_label, undo_influence

    label = find_label(project.database, text)
    found = influence_of(project.history, [label], project.registry.branch)
    if output is Format.table:
        _show(project, found, label, place)
    commit: Commit | None = None
    if found.returns and not dry_run:
        if ask and sys.stdin.isatty() and not typer.confirm("Undo all of it?", err=True):
            typer.echo("Nothing was changed.", err=True)
            raise typer.Exit(1)
        commit = undo_influence(project.registry, found)
    if output is Format.json:
        from agp.cli.render import print_json

        print_json(_data(project, found, commit))
    elif commit is not None:
        report_commit(commit, place)


def told(evidence: dict[str, Any]) -> str:
    """Origins and influences of a commit in a few words; empty where it names none."""
    from agp.rspl.influences import influences_of

    labels = influences_of(evidence)
    kinds = [label.partition(":")[0] for label in labels]
    counted = {kind: kinds.count(kind) for kind in ("sample", "trace")}
    parts = [label for label in labels if label.partition(":")[0] not in counted]
    parts += [f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in counted.items() if n]
    more = len(parts) - _SHOWN
    return ", ".join(parts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _show(project: Project, found: Influence, label: str, place: Place) -> None:
    from agp.cli.render import moment, print_table, short

    if not found.commits:
        typer.echo(f"Nothing on {found.branch} goes back to {label}.")
        if label.startswith(("sample:", "trace:")):
            typer.echo("A run that only scored it can be undone by its own id:")
            typer.echo(f"agp rollback --influence RUN{place.flags}; runs: agp show{place.flags}")
        return
    typer.echo(f"On {found.branch}, {label} influenced {_count(len(found.commits), 'commit')}:")
    rows = [
        (short(c.commit.id), moment(c.commit.created_at), c.why, c.commit.message)
        for c in found.commits
    ]
    print_table(("commit", "when", "why", "what"), rows, empty="")
    if not found.returns:
        typer.echo("Nothing of it is live any more.")
        return
    changes = [
        (str(each.resource), *(_version(project, d) for d in (each.before, each.after)))
        for each in found.returns
    ]
    print_table(("resource", "from", "back to"), changes, empty="")
    if found.lost:
        lost = _count(len(found.lost), "commit")
        typer.echo(f"Lost with it: {lost} that only build on it. They stay in the history.")


def _data(project: Project, found: Influence, commit: Commit | None) -> dict[str, Any]:
    return {
        "labels": list(found.labels),
        "branch": found.branch,
        "commits": [
            {
                "id": each.commit.id,
                "message": each.commit.message,
                "why": each.why,
                "resources": list(map(str, each.resources)),
            }
            for each in found.commits
        ],
        "returns": [
            {
                "resource": str(each.resource),
                "before": each.before,
                "after": each.after,
                "version": _version(project, each.after) if each.after else None,
            }
            for each in found.returns
        ],
        "commit": commit.id if commit else None,
    }


def _version(project: Project, digest: str | None) -> str:
    """A version's name; what is not there is taken out."""
    if digest is None:
        return "(not there)"
    return project.history.version_of(digest) or digest[:12]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
