"""``agp show``: a resource, a commit, or a run, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Output, Place

if TYPE_CHECKING:
    from agp.cli.naming import Version
    from agp.project import Project
    from agp.rspl.commits import Commit

_RUNS_SHOWN = 30
_LISTS = ("taint", "influences", "used")
_NOTHING: tuple[Any, ...] = ({}, [], "", None)


@grouped
def show(
    place: Place,
    what: Annotated[
        str | None,
        typer.Argument(help="RESOURCE, RESOURCE@VERSION, a commit or a run; default: the runs."),
    ] = None,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Show a resource, a commit with its evidence, or a run's report; alone, the newest runs.

    Examples:

      agp show

      agp show prompt/solver

      agp show prompt/solver@1.0.0

      agp show 3f2a9c01b7de

      agp show evolve-20260101-120000-ab12
    """
    from agp.cli.naming import find_commit, find_version, is_run
    from agp.cli.opening import opened

    with opened(place, branch=branch) as project:
        if what is None:
            _show_runs(project, output)
        elif is_run(what):
            _show_run(project, what, output, place)
        elif commit := find_commit(project, what):
            _show_commit(project, commit, output)
        else:
            _show_version(find_version(project, what), output)


def _show_runs(project: Project, output: Format) -> None:
    from agp.cli.render import moment, print_json, print_table
    from agp.runs.journal import list_runs

    runs = list_runs(project.database, _RUNS_SHOWN)
    if output is Format.json:
        keys = ("id", "kind", "status", "created_at", "finished_at", "config")
        print_json([{key: getattr(run, key) for key in keys} for run in runs])
        return
    rows = [(r.id, moment(r.created_at), r.status, r.config["benchmark"]) for r in runs]
    print_table(("run", "begun", "status", "benchmark"), rows, empty="No run yet: agp evolve")


def _show_run(project: Project, run: str, output: Format, place: Place) -> None:
    from agp.cli.render import print_json
    from agp.cli.report import show_report
    from agp.runs.journal import Journal
    from agp.runs.report import Report, ended_of
    from agp.sepl.report import EvolveReport

    journal = Journal.reopen(project.database, run)
    done = journal.done("report")
    if done is not None:
        form = EvolveReport if journal.kind == "evolve" else Report
        show_report(form.model_validate(done), output, place)
    elif output is Format.json:
        about = {"run": run, "kind": journal.kind, "finished": False, "ended": ended_of(journal)}
        print_json({**about, "config": journal.config})
    else:
        config = journal.config
        typer.echo(f"Run {run} on {config['benchmark']} is not finished.")
        if (ended := ended_of(journal)) and "message" in ended:
            typer.echo(f"Its last session ended: {ended['message']}")
        typer.echo(f"{len(journal.steps)} steps are done and kept.")
        typer.echo(f"Go on with: agp resume{place.flags} {run}")


def _show_commit(project: Project, commit: Commit, output: Format) -> None:
    from agp.cli.history import commit_differences
    from agp.cli.influence import told
    from agp.cli.render import moment, print_diff, print_json

    if output is Format.json:
        print_json(commit.data())
        return
    _fields(
        {
            "commit": commit.id,
            "branch": commit.branch,
            "parent": commit.parent,
            "when": moment(commit.created_at),
            "author": commit.author,
            "operator": commit.operator,
            "message": commit.message,
            "objective": commit.objective,
            "goes back to": told(commit.evidence) or None,
            **{f"evidence {key}": value for key, value in _flat(_other(commit.evidence))},
        }
    )
    print_diff("\n".join(text for _, text in commit_differences(project, commit)))


def _other(evidence: dict[str, Any]) -> dict[str, Any]:
    """Evidence without the lists of labels and digests, which -f json has in full."""
    return {key: each for key, each in evidence.items() if key not in _LISTS}


def _show_version(version: Version, output: Format) -> None:
    from agp.cli.render import print_json

    record = version.record
    if output is Format.json:
        about = {"version": version.name, "digest": record.digest, "live": version.live}
        print_json({**about, **record.body()})
        return
    body = dict(_flat(record.body()))
    long = {key: value for key, value in body.items() if "\n" in str(value) or len(str(value)) > 70}
    _fields(
        {
            "resource": version.title + (" (live)" if version.live else ""),
            "digest": record.digest,
            **{key: value for key, value in body.items() if key not in long},
        }
    )
    for key, value in long.items():
        _text(key, str(value))


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Leaves that hold something, as (path, value)."""
    found: list[tuple[str, Any]] = []
    for key, value in cast("list[tuple[str, object]]", list(values.items())):
        if isinstance(value, dict) and value:
            found += _flat(cast("dict[str, Any]", value), f"{prefix}{key}/")
        elif value not in _NOTHING:
            leaf = cast("Any", value)
            found.append((f"{prefix}{key}", leaf))
    return found


def _fields(values: dict[str, Any]) -> None:
    from agp.cli.render import console, styled

    width = max(map(len, values))
    for key, value in values.items():
        if value is not None:
            line = styled(f"{key:<{width}}  ", "bold") + styled(str(value), "")
            console().print(line, soft_wrap=True)


def _text(key: str, value: str) -> None:
    from agp.cli.render import console, styled

    console().print(styled(f"\n{key}", "bold"))
    console().print(styled(value, ""), soft_wrap=True)
