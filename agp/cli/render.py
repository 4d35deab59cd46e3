"""How things look: consoles, tables, JSON, differences, and figures in words."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from agp.budget import Spend

_PIPE_WIDTH = 120
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SHORT = 12
_LEAST_ROOM = 10


def console(*, stderr: bool = False) -> Console:
    """Standard output (or error) as a console; brackets in texts are just brackets."""
    from rich.console import Console

    made = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _PIPE_WIDTH
    return made


def print_json(value: Any) -> None:
    """Print data as JSON."""
    from agp.secrets import redact_json

    typer.echo(json.dumps(redact_json(value), indent=2, ensure_ascii=False))


def print_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    empty: str = "Nothing yet.",
    cut: bool = False,
) -> None:
    """Print rows under headers.

    The last column takes the room that is left; what does not fit is folded, or ``cut``. A cell may
    have several lines.
    """
    rows = [[clean(str(cell)) for cell in row] for row in rows]
    if not rows:
        typer.echo(empty)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table

    columns_of_cells = zip(headers, *rows, strict=True)
    widths = [max(len(ln) for c in cells for ln in c.split("\n")) for cells in columns_of_cells]
    columns = [
        Column(header, no_wrap=True, min_width=width)
        for header, width in zip(headers[:-1], widths, strict=False)
    ]
    out = console()
    room = max(_LEAST_ROOM, out.width - sum(widths[:-1]) - 3 * len(widths))
    table = Table(*columns, Column(headers[-1], overflow="fold"), box=SIMPLE_HEAD, pad_edge=False)
    for *first, last in rows:
        table.add_row(*first, clipped(last, room) if cut else last)
    out.print(table)


def print_diff(diff: str) -> None:
    """Print a unified diff, in colour on a terminal; long lines stay whole."""
    styles = {"+++": "bold", "---": "bold", "+": "green", "-": "red", "@": "cyan"}
    out = console()
    for line in clean(diff).splitlines():
        style = next((style for mark, style in styles.items() if line.startswith(mark)), "")
        out.print(line, style=style, soft_wrap=True)


def note(text: str, style: str = "") -> None:
    """A line for the person at the terminal, on standard error."""
    console(stderr=True).print(clean(text), style=style, soft_wrap=True)


def styled(text: str, style: str) -> Text:
    """A text in a style."""
    from rich.text import Text

    return Text(clean(text), style=style)


def clean(text: str) -> str:
    """``text`` without control characters and secrets.

    What a model wrote must not steer the terminal; what is on it is copied into issues and logs.
    """
    from agp.secrets import redact

    return _CONTROL.sub("�", redact(text.replace("\r\n", "\n")))


def clipped(text: str, size: int) -> str:
    """The first line of ``text``, at most ``size`` characters of it."""
    line = " ".join(text.split())
    return line if len(line) <= size else line[: size - 1] + "…"


def short(digest: str | None) -> str:
    """A digest as people write it."""
    return digest[:_SHORT] if digest else "-"


def percent(value: float | None) -> str:
    """0.417 → 41.7 %; what was not measured is a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"


def points(value: float) -> str:
    """0.25 → +25.0."""
    return f"{100 * value:+.1f}"


def duration(seconds: float) -> str:
    """0.05 → 50 ms, 7.25 → 7.2 s, 75 → 1:15 min."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02} min" if minutes else f"{rest} s"


def money(spend: Spend) -> str:
    """What calls cost; a price that is not known is unknown, not nothing."""
    if spend.unpriced:
        known = f", the others ${spend.cost_usd:.4f}" if spend.cost_usd else ""
        return f"unknown ({spend.unpriced:,} of {spend.calls:,} calls have no known price{known})"
    return f"${spend.cost_usd:.4f}" if 0 < spend.cost_usd < 1 else f"${spend.cost_usd:.2f}"


def moment(iso: str) -> str:
    """A stored time in local time, to the second."""
    from datetime import datetime

    return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M:%S")
