"""What runs cost, by part and by role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agp.plot.data import UNITS, Bar, Measure, bars, label
from agp.plot.source import runs_of
from agp.plot.style import colour, framed, graph_objects

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from agp.plot.source import Name, Source


def cost(source: Source, *names: Name, of: Measure = "tokens") -> Figure:
    """What each part of a run cost (baseline, rounds, holdout), by role, stacked.

    Parameters: ``of`` is ``tokens``, ``cost_usd``, ``seconds`` (of model time), ``calls`` or
    ``evaluations``. Replies out of the cache cost nothing. Raises InputError for a run that spent
    nothing of it, or whose prices are not known.
    """
    go = graph_objects()
    runs = runs_of(source, names)
    rows = [(label(run), bar) for run in runs for bar in bars(run, of)]
    figure = go.Figure()
    for number, role in enumerate(dict.fromkeys(bar.role for _, bar in rows)):
        mine = [(name, bar) for name, bar in rows if bar.role == role]
        figure.add_trace(
            go.Bar(
                x=_where(mine, several=len(runs) > 1),
                y=[bar.amount for _, bar in mine],
                name=role,
                marker={"color": colour(number)},
                hovertemplate="%{x}: %{y:,.4~g}<extra>" + role + "</extra>",
            )
        )
    figure.update_layout(barmode="stack", showlegend=True)
    framed(figure, f"Cost in {UNITS[of]}, by part and role", "", UNITS[of])
    return figure.update_xaxes(showgrid=False)


def _where(rows: list[tuple[str, Bar]], *, several: bool) -> Any:
    parts = [bar.part for _, bar in rows]
    return [[name for name, _ in rows], parts] if several else parts
