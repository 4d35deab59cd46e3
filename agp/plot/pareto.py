"""Score against what a sample costs: which candidates nothing beats on both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agp.plot.data import UNITS, Against, ParetoPoint, label, pareto
from agp.plot.source import runs_of
from agp.plot.style import PAPER, colour, faded, framed, graph_objects, score, shown

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from agp.plot.source import Name, Source


def pareto_front(source: Source, *names: Name, against: Against = "tokens") -> Figure:
    """Selection score of every candidate that met all of selection, against cost a sample.

    The line joins the front; solid marks are on it. Parameters: ``against`` is ``tokens``,
    ``cost_usd`` or ``seconds`` (of model time), each the mean of a sample. Raises InputError for
    a run without scored candidates or that cost.
    """
    go = graph_objects()
    figure = go.Figure()
    bounded = True
    for number, run in enumerate(runs_of(source, names)):
        points = pareto(run, against)
        bounded = bounded and all(
            p.candidate.selection and p.candidate.selection.low is not None for p in points
        )
        _front(go, figure, points, colour(number), label(run))
        _marks(go, figure, points, colour(number))
    title = f"Score on selection against {UNITS[against]} a sample"
    return framed(figure, title, f"{UNITS[against]} a sample", "score", percent=bounded)


def _front(go: Any, figure: Any, points: list[ParetoPoint], ink: str, name: str) -> None:
    front = sorted((p.cost, p.score) for p in points if p.front)
    front.append((max(p.cost for p in points), front[-1][1]))  # who may spend more has it too
    figure.add_trace(
        go.Scatter(
            x=[cost for cost, _ in front],
            y=[score for _, score in front],
            mode="lines",
            line={"shape": "hv", "color": faded(ink, 0.5), "width": 2, "dash": "dot"},
            name=name,
            hoverinfo="skip",
        )
    )


def _marks(go: Any, figure: Any, points: list[ParetoPoint], ink: str) -> None:
    figure.add_trace(
        go.Scatter(
            x=[p.cost for p in points],
            y=[p.score for p in points],
            mode="markers+text",
            text=[shown(p.candidate.id) if p.front else "" for p in points],
            textposition="top center",
            cliponaxis=False,
            marker={
                "size": 11,
                "color": [ink if p.front else PAPER for p in points],
                "line": {"color": ink, "width": 2},
            },
            hovertext=list(map(_hover, points)),
            hoverinfo="text",
            showlegend=False,
        )
    )


def _hover(point: ParetoPoint) -> str:
    each = point.candidate
    assert each.selection is not None
    mean = each.selection
    return (
        f"<b>{shown(each.id)}</b> {shown(each.strategy)}<br>"
        f"{score(mean.mean, mean.low, mean.high)}, n {mean.n}<br>"
        f"best on {point.best_on} samples<br>{point.cost:,.4g} a sample"
    )
