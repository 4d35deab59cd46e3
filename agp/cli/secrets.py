"""``agp secrets``: finding secrets that were written out, and taking them out of a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Output, Place

if TYPE_CHECKING:
    from agp.rspl.upkeep.rescan import Leak

T = TypeVar("T")

_SKIPPED = frozenset((".git", "node_modules", "__pycache__", ".venv", "venv", ".mypy_cache"))
_LARGEST = 200_000_000
_SHOWN = 40

app = typer.Typer(
    name="secrets",
    no_args_is_help=True,
    help="Find secrets that were written out, and take them out of the store.\n\nExamples:\n\n"
    "  agp secrets scan                         look through the store\n\n"
    "  agp secrets scan agents tools            look through files\n\n"
    "  agp secrets rescan                       rewrite the store without them",
)


@app.command()
@grouped
def scan(
    place: Place,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files and folders; default: the store.")
    ] = None,
    output: Output = Format.table,
) -> None:
    """Say where secrets are: of known formats, behind names, or set in this environment.

    Says where and of what kind, never what. Ends with exit code 1 if there are any.

    Examples:

      agp secrets scan

      agp secrets scan . -f json
    """
    from agp.cli.render import print_json, print_table

    if paths:
        rows = [each for path in paths for each in _in_path(path)]
    else:
        rows = [_as_row(leak) for leak in _in_store(place)]
    if output is Format.json:
        print_json(rows)
    elif rows:
        shown = [(row["where"], row["field"], row["kind"]) for row in rows[:_SHOWN]]
        print_table(("where", "field or line", "kind"), shown)
        if len(rows) > _SHOWN:
            typer.echo(f"… and {len(rows) - _SHOWN:,} more; all of them with -f json")
        for remedy in sorted({row["remedy"] for row in rows if row.get("remedy")}):
            typer.echo(f"{remedy}.")
    else:
        typer.echo("No secrets found.")
    if rows:
        raise typer.Exit(1)


@app.command()
@grouped
def rescan(
    place: Place,
    actor: Annotated[str, typer.Option(help="Who is named in the audit log.")] = "user",
    output: Output = Format.table,
) -> None:
    """Rewrite the store without secrets that were not known as such when it was written.

    Traces, journals, results and notes are rewritten, cached replies that hold one removed, and
    the bytes cleared from the store's files. Versions, commits and the audit log are never
    rewritten: what is in them is listed, with what to do. Set the secret in the environment
    first (export OLD_API_TOKEN=…), so that it is found in every form.

    Examples:

      agp secrets rescan

      OLD_API_TOKEN=… agp secrets rescan -f json
    """
    from agp.cli.opening import opened_store
    from agp.cli.render import note, print_json
    from agp.rspl.upkeep.rescan import as_data, count, scan
    from agp.rspl.upkeep.rescan import rescan as rewrite
    from agp.store.purge import purge

    with opened_store(place) as database:
        done = rewrite(database, author=actor)
        purged = purge(database)
        left = list(scan(database, _watched(count(database))))
    if output is Format.json:
        print_json({"rewritten": done, "purged": purged, "left": [as_data(each) for each in left]})
    else:
        total = sum(done.values())
        typer.echo(f"Rewrote {total:,} rows" + "".join(f", {n:,} in {t}" for t, n in done.items()))
        for leak in left[:_SHOWN]:
            row = _as_row(leak)
            typer.echo(f"Left: {row['where']} {leak.field}: {leak.kind}. {leak.remedy}.")
        if len(left) > _SHOWN:
            typer.echo(f"… and {len(left) - _SHOWN:,} more; all of them with -f json")
    if not purged:
        note("Another process has the store open: run this again when it is gone.", "yellow")
    if left or not purged:
        raise typer.Exit(1)


def _in_store(place: Place) -> list[Leak]:
    from agp.cli.opening import opened_store
    from agp.rspl.upkeep.rescan import count
    from agp.rspl.upkeep.rescan import scan as look

    with opened_store(place, migrate=False) as database:
        return list(look(database, _watched(count(database))))


def _as_row(leak: Leak) -> dict[str, Any]:
    where = f"{leak.table} {leak.key}".strip()
    return {"where": where, "field": leak.field, "kind": leak.kind, "remedy": leak.remedy}


def _in_path(path: Path) -> Iterator[dict[str, Any]]:
    from agp.errors import InputError
    from agp.secrets import find

    if not path.exists():
        raise InputError(f"There is no file or folder {path}.")
    for file in _files(path):
        try:
            if file.stat().st_size > _LARGEST:
                typer.echo(f"{file} is too large and was not read.", err=True)
                continue
            text = file.read_bytes().decode("latin-1" if _is_binary(file) else "utf-8", "replace")
        except OSError as error:
            typer.echo(f"{file} cannot be read: {error.strerror}.", err=True)
            continue
        for found in find(text):
            line = text.count("\n", 0, found.start) + 1
            yield {"where": str(file), "field": f"line {line}", "kind": found.kind}


def _is_binary(file: Path) -> bool:
    with file.open("rb") as stream:
        return b"\x00" in stream.read(4096)


def _files(path: Path) -> Sequence[Path]:
    if path.is_file():
        return [path]
    found = (each for each in path.rglob("*") if not _SKIPPED.intersection(each.parts))
    return sorted(each for each in found if each.is_file() and not each.is_symlink())


def _watched(total: int) -> Callable[[Iterable[T]], Iterable[T]]:
    from rich.progress import track

    from agp.cli.render import console

    out = console(stderr=True)
    if not out.is_terminal:
        return iter
    return lambda rows: track(rows, "rows", total=total, console=out, transient=True)
