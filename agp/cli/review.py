"""``agp review``: look at code that no person wrote, and say whether it may run in processes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Output, Place, Yes

if TYPE_CHECKING:
    from agp.trust import Approval, Brought

app = typer.Typer(
    name="review",
    no_args_is_help=True,
    help="Code that an optimizer, a model or an import brought runs in the sandbox until a person "
    "approves it. Here a person decides.\n\nExamples:\n\n"
    "  agp review list\n\n"
    "  agp review show 3f2a9c01b7de\n\n"
    "  agp review approve 3f2a9c01b7de --reason 'pure arithmetic, read it all'\n\n"
    "  agp review reject tool/fetch --reason 'sends data away'",
)

What = Annotated[
    str, typer.Argument(help="Digits of the code's digest, or a resource: type/name, type/name@V.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why, in words; it is kept for good.")]
Reviewer = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who decides; default: your user name.")
]


@app.command("list")
@grouped
def list_(
    place: Place,
    every: Annotated[bool, typer.Option("--all", help="Also what is decided.")] = False,
    output: Output = Format.table,
) -> None:
    """List code that waits for a person.

    Examples:

      agp review list

      agp review list --all -f json
    """
    from agp.cli.opening import opened
    from agp.cli.render import print_json, print_table, short
    from agp.trust import pending, versions

    with opened(place) as project:
        found = versions(project.history) if every else pending(project.history)
    if output is Format.json:
        print_json([each.data() for each in found])
        return
    rows = [
        (
            short(each.code),
            f"{each.resource}@{each.version}",
            each.origin,
            each.author,
            ", ".join(each.live) or "-",
            _status(each),
        )
        for each in found
    ]
    headers = ("code", "version", "origin", "by", "live on", "status")
    print_table(headers, rows, empty="Nothing waits for review.")


@app.command()
@grouped
def show(what: What, place: Place, output: Output = Format.table) -> None:
    """Show code with what it replaces, who brought it, on what evidence, and what it could do.

    Examples:

      agp review show 3f2a9c01b7de

      agp review show tool/fetch -f json
    """
    from agp.cli.opening import opened
    from agp.cli.render import clean, print_diff, print_json
    from agp.cli.review_facts import facts_of, lines_of
    from agp.trust import find

    with opened(place) as project:
        found = find(project.history, what)
        facts = facts_of(project.history, found)
    if output is Format.json:
        print_json(facts)
        return
    for line in lines_of(facts):
        typer.echo(clean(line))
    print_diff(facts["diff"])


@app.command()
@grouped
def approve(
    what: What,
    place: Place,
    reason: Reason,
    days: Annotated[
        float, typer.Option(metavar="N", help="For how many days, at most 366.")
    ] = 30.0,
    reviewer: Reviewer = None,
    yes: Yes = False,
    output: Output = Format.table,
) -> None:
    """Let code run in processes: as this resource, in place of what it replaces, under today's
    policy.

    The approval ends by itself, when the policy changes, and when the code comes to replace
    something else. On a terminal it is asked for; elsewhere --yes says it.

    Examples:

      agp review approve 3f2a9c01b7de --reason "read it: only strings" --days 90
    """
    from agp.cli.opening import opened
    from agp.trust import approve as decide
    from agp.trust import find

    with opened(place) as project:
        found = find(project.history, what)
        _confirm(f"Let {_named(found)} run in processes for {days:g} days?", yes)
        done = decide(
            project.history, found, reviewer=reviewer or _user(), reason=reason, days=days
        )
    _report(done, output)


@app.command()
@grouped
def reject(
    what: What,
    place: Place,
    reason: Reason,
    reviewer: Reviewer = None,
    yes: Yes = False,
    output: Output = Format.table,
) -> None:
    """Note that code must not run in any process; an earlier approval does not count any more.

    Where it is live it still runs in the sandbox: agp rollback undoes its commit.

    Examples:

      agp review reject 3f2a9c01b7de --reason "reads files it has no use for"
    """
    from agp.cli.opening import opened
    from agp.trust import find
    from agp.trust import reject as decide

    with opened(place) as project:
        found = find(project.history, what)
        _confirm(f"Reject {_named(found)}?", yes)
        done = decide(project.history, found, reviewer=reviewer or _user(), reason=reason)
    _report(done, output)


def _named(found: Brought) -> str:
    return f"the code {found.code[:12]} of {found.resource} (by {found.origin})"


def _status(found: Brought) -> str:
    return f"approved until {found.until:%Y-%m-%d}" if found.until else found.status


def _confirm(question: str, yes: bool) -> None:
    """Ask on a terminal; elsewhere the answer must be given. Exits with 1 on a no."""
    from agp.errors import InputError

    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError("This needs a person's yes.", hint="On a terminal it is asked; or: --yes")
    if not typer.confirm(question):
        typer.echo("Nothing was decided.")
        raise typer.Exit(1)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "user"


def _report(done: Approval, output: Format) -> None:
    from agp.cli.render import print_json

    data: dict[str, Any] = done.data()
    if output is Format.json:
        print_json(data)
        return
    end = f" until {done.expires_at[:10]}" if done.expires_at else ""
    typer.echo(
        f"{done.resource}: code {done.code[:12]} is {done.decision}{end}, by {done.reviewer}."
    )
