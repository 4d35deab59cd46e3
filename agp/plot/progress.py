"""The best score so far against evaluations spent, of one run or several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agp.errors import InputError
from agp.plot.data import label
from agp.plot.source import runs_of
from agp.plot.style import colour, faded, framed, graph_objects, score, shown
from agp.runs.facts import Mean, Progress, outcome, progress

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from agp.plot.source import Name, Source


def score_against_evaluations(source: Source, *names: Name) -> Figure:
    """The best mean on selection so far, with its 95 % interval, against evaluations of the search.

    A score that the search itself chose by is flattered by chance; so, where a run got that far,
    its holdout scores stand at the end: hollow for the agent as it was, solid for what was found.
    Raises InputError for a run whose baseline is not done.
    """
    go = graph_objects()
    figure = go.Figure()
    bounded = True
    for number, run in enumerate(runs_of(source, names)):
        rows = progress(run)
        if not rows:
            raise InputError(
                f"Run {run.id} has no score on selection yet: its baseline is not done.",
                hint=f"See how far it is: agp runs show {run.id}",
            )
        bounded = bounded and all(row.best.low is not None for row in rows)
        _band(go, figure, rows, colour(number))
        _line(go, figure, rows, colour(number), label(run), run.id)
        before, after = outcome(run)
        for name, mean, symbol in (("before", before, "diamond-open"), ("found", after, "diamond")):
            if mean is not None:
                _mark(go, figure, rows[-1].evaluations, mean, colour(number), name, symbol)
    title = "Best score on selection (line) and on the holdout (◇ before, ◆ found)"
    framed(figure, title, "evaluations spent by the search", "score", percent=bounded)
    return figure.update_xaxes(rangemode="tozero")


def _band(go: Any, figure: Any, rows: list[Progress], ink: str) -> None:
    bounds = [(r.evaluations, r.best.low, r.best.high) for r in rows if r.best.low is not None]
    xs = [x for x, _, _ in bounds]
    none = {"mode": "lines", "line": {"width": 0, "shape": "hv"}, "hoverinfo": "skip"}
    for values, fill in (
        ([low for _, low, _ in bounds], None),
        ([h for *_, h in bounds], "tonexty"),
    ):
        figure.add_trace(
            go.Scatter(
                x=xs, y=values, fill=fill, fillcolor=faded(ink, 0.14), showlegend=False, **none
            )
        )


def _line(go: Any, figure: Any, rows: list[Progress], ink: str, name: str, run: str) -> None:
    figure.add_trace(
        go.Scatter(
            x=[row.evaluations for row in rows],
            y=[row.best.mean for row in rows],
            mode="lines+markers",
            line={"shape": "hv", "color": ink, "width": 2.5},
            marker={"size": 7},
            name=name,
            hovertext=[
                f"{run}<br>{shown(row.candidate)}: {score(*_parts(row.best))}, n {row.best.n}"
                f"<br>after {row.evaluations} evaluations"
                for row in rows
            ],
            hoverinfo="text",
        )
    )


def _mark(go: Any, figure: Any, at: int, mean: Mean, ink: str, name: str, symbol: str) -> None:
    error = None
    if mean.low is not None and mean.high is not None:
        error = {
            "type": "data",
            "symmetric": False,
            "array": [mean.high - mean.mean],
            "arrayminus": [mean.mean - mean.low],
            "thickness": 1.5,
        }
    figure.add_trace(
        go.Scatter(
            x=[at],
            y=[mean.mean],
            error_y=error,
            mode="markers",
            marker={"symbol": symbol, "size": 12, "color": ink, "line": {"width": 2}},
            showlegend=False,
            hovertext=f"holdout, {name}: {score(*_parts(mean))}, n {mean.n}",
            hoverinfo="text",
        )
    )


def _parts(mean: Mean) -> tuple[float, float | None, float | None]:
    return mean.mean, mean.low, mean.high
