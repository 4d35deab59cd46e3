"""``agp gc``: remove what nothing in the store reaches any more."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Output, Place

if TYPE_CHECKING:
    from datetime import timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LONGEST = 5
"""Digits of an age: 99999 days is before there were computers, but still a date."""


@grouped
def gc(
    place: Place,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    spans_older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Also traces of this age, as in 30d or 12h.")
    ] = None,
    calls_older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Also cached model replies of this age.")
    ] = None,
    output: Output = Format.table,
) -> None:
    """Remove candidates that nothing mentions; on request, old traces and cached replies.

    What history, tags, aliases, lock files, journals, evidence or the audit log mention stays.
    So do candidates that were kept in the last hour.

    Examples:

      agp gc --dry-run

      agp gc --spans-older-than 30d --calls-older-than 90d
    """
    from agp.cli.opening import opened_store
    from agp.cli.render import print_json
    from agp.rspl.upkeep.gc import collect

    spans, calls = _age(spans_older_than), _age(calls_older_than)
    with opened_store(place) as database:
        done = collect(database, dry_run=dry_run, spans_older_than=spans, calls_older_than=calls)
    if output is Format.json:
        print_json(asdict(done))
        return
    verb = "Would remove" if dry_run else "Removed"
    typer.echo(
        f"{verb} {done.objects:,} candidates ({done.characters:,} characters), "
        f"{done.embeddings:,} embeddings, {done.spans:,} spans, {done.calls:,} cached replies."
    )


def _age(text: str | None) -> timedelta | None:
    """``30d`` as a span of time. Raises InputError."""
    from datetime import timedelta

    from agp.errors import InputError

    if text is None:
        return None
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in _UNITS or len(number) > _LONGEST:
        raise InputError(f"{text!r} is not an age.", hint="Write a number and a unit: 12h, 30d.")
    return timedelta(**{_UNITS[unit]: int(number)})
