"""How ``agp audit`` shows things: entries, verdicts, and how far it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from agp.audit.checkpoint import Checkpoint
    from agp.audit.entries import Entry
    from agp.audit.verdict import Verdict

T = TypeVar("T")

_SHOWN_FINDINGS = 20


def watched(total: int | None = None) -> Callable[[Iterable[T]], Iterable[T]]:
    """Iterates and, where a person is looking, shows how far it is."""
    from rich.progress import track

    from agp.cli.render import console

    out = console(stderr=True)
    if not out.is_terminal:
        return iter
    return lambda rows: track(rows, "entries", total=total, console=out, transient=True)


def verdict_data(verdict: Verdict, expect: Checkpoint | None) -> dict[str, Any]:
    """A verdict as plain data."""
    return {
        "ok": not verdict.findings,
        "entries": verdict.entries,
        "first": verdict.first,
        "last": verdict.last,
        "hash": verdict.hash,
        "writers": sorted(verdict.writers),
        "checkpoint": expect.model_dump() if expect else None,
        "findings": [asdict(finding) for finding in verdict.findings],
    }


def print_verdict(verdict: Verdict, expect: Checkpoint | None, *, with_commits: bool) -> None:
    """Print findings, or what was proven; ``with_commits`` if they were compared."""
    from agp.cli.render import clean

    for finding in verdict.findings[:_SHOWN_FINDINGS]:
        typer.echo(clean(f"{finding.what}: {finding.message}"))
    number = len(verdict.findings)
    if number > _SHOWN_FINDINGS:
        typer.echo(f"… and {number - _SHOWN_FINDINGS} more; all of them with -f json")
    span = f" ({verdict.first} to {verdict.last})" if verdict.entries else ""
    ends = f"{verdict.entries} entries{span}"
    if number:
        typer.echo(f"{ends}: {number} finding{'s' * (number > 1)}. Do not rely on it.")
        return
    commits = ", and the commits fit" if with_commits else "; a store's commits were not compared"
    typer.echo(f"{ends}: whole and signed{commits}.")
    if expect is None:
        typer.echo("Without a checkpoint (--expect) a cut or rewritten end cannot be ruled out.")
    else:
        typer.echo(f"It extends the checkpoint of entry {expect.seq} by {expect.public_key}.")


def print_entries(entries: Sequence[Entry]) -> None:
    """Print entries as a table."""
    from agp.cli.render import print_table

    rows = [(e.seq, _when(e.at), e.kind, e.actor or "-", _brief(e.payload)) for e in entries]
    headers = ("entry", "when", "kind", "by", "what")
    print_table(headers, rows, empty="No entry did that.", cut=True)


def _when(at: str) -> str:
    """A time; what is no time (of an entry that was not written by agp) as it is."""
    from agp.cli.render import moment

    try:
        return moment(at)
    except ValueError:
        return at or "-"


def _brief(payload: dict[str, Any]) -> str:
    """A payload on a line; digests as people write them."""
    text = json.dumps(payload, ensure_ascii=False, separators=(", ", ": "))
    return re.sub(r"([0-9a-f]{12})[0-9a-f]{52,}", r"\1", text)
