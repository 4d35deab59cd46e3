"""What all figures share: plotly itself, colours, the frame, texts in hovers."""

from __future__ import annotations

import html
import textwrap
from importlib import import_module
from typing import TYPE_CHECKING, Any

from agp.errors import AgpError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626", "#0891b2", "#4d7c0f", "#be185d")
INK, FAINT, PAPER = "#1f2937", "#9ca3af", "#ffffff"
_GRID = "#e5e7eb"
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
_LINE, _LONGEST = 70, 400


def graph_objects() -> Any:
    """plotly. Raises AgpError that says how to install it."""
    try:
        return import_module("plotly.graph_objects")
    except ModuleNotFoundError as error:
        raise AgpError(
            "Figures need plotly, which is not installed.",
            hint="pip install 'autogenesis-agp[plot]'",
        ) from error


def framed(figure: Any, title: str, x: str, y: str, *, percent: bool = False) -> Figure:
    """The figure with titles and the look of all of them; ``percent``: y is a share of 1."""
    figure.update_layout(
        title={"text": title, "x": 0, "xanchor": "left", "font": {"size": 17}},
        template="plotly_white",
        font={"family": _FONT, "size": 13, "color": INK},
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        height=420,
        margin={"l": 70, "r": 30, "t": 70, "b": 60},
        hoverlabel={"align": "left", "bgcolor": PAPER, "font": {"family": _FONT, "size": 12}},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "right", "x": 1.0},
    )
    figure.update_xaxes(title=x, gridcolor=_GRID, zeroline=False)
    figure.update_yaxes(title=y, gridcolor=_GRID, zeroline=False)
    if percent:
        figure.update_yaxes(tickformat=".0%")
    return figure


def colour(number: int) -> str:
    """The colour of the n-th run."""
    return COLOURS[number % len(COLOURS)]


def faded(hexadecimal: str, opacity: float) -> str:
    """``#rrggbb`` as a colour that lets through what is behind it."""
    red, green, blue = (int(hexadecimal[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def shown(text: str) -> str:
    """A text of whoever wrote it, for a hover: cut, folded, and never taken for markup."""
    text = " ".join(text.split())
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "<br>".join(html.escape(line) for line in textwrap.wrap(text, _LINE)) or "-"


def score(mean: float, low: float | None, high: float | None) -> str:
    """A score with its interval, in per cent where it has one."""
    if low is None or high is None:
        return f"{mean:.4g}"
    return f"{100 * mean:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f})"
