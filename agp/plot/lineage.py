"""The candidates of a run as a tree: which came from which, how they scored, what was dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agp.plot.data import Node, tree
from agp.plot.source import run_of
from agp.plot.style import FAINT, INK, framed, graph_objects, score, shown

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from agp.plot.source import Name, Source
    from agp.runs.facts import CandidateFacts

_LABELLED = 60
_ROW = 44


def lineage(source: Source, name: Name | None = None) -> Figure:
    """The tree of a run's candidates from its start; edges point from parent to child.

    Colour is the mean on selection, grey what was not scored there (screened out, or refused
    unrun); circles were kept by the search, crosses dropped. Dotted edges are further parents, of
    merged candidates. Raises InputError where nothing was proposed.
    """
    go = graph_objects()
    run = run_of(source, name)
    nodes = tree(run)
    figure = go.Figure()
    _edges(go, figure, nodes)
    unscored = [node for node in nodes if node.candidate.selection is None]
    scored = [node for node in nodes if node.candidate.selection is not None]
    for group in (unscored, scored):
        if group:
            _marks(go, figure, group, labelled=len(nodes) <= _LABELLED)
    framed(figure, "Lineage: circles were kept by the search, crosses dropped", "", "")
    depth = max(node.depth for node in nodes)
    figure.update_xaxes(
        visible=True,
        showgrid=False,
        dtick=1,
        range=[-0.4, depth + 0.6],
        title="steps from the start",
    )
    rows = max(node.row for node in nodes) + 1
    figure.update_yaxes(visible=False, range=[rows - 0.2, -0.7])
    figure.update_layout(height=max(320, round(_ROW * rows) + 150), showlegend=False)
    return figure


def _edges(go: Any, figure: Any, nodes: list[Node]) -> None:
    at = {node.candidate.id: node for node in nodes}
    first: tuple[list[float | None], list[float | None]] = ([], [])
    other: tuple[list[float | None], list[float | None]] = ([], [])
    for node in nodes:
        parents = [p for p in node.candidate.parents if p in at] or ["seed"] * (node.depth > 0)
        for number, parent in enumerate(parents):
            xs, ys = other if number else first
            xs += [at[parent].depth, node.depth, None]
            ys += [at[parent].row, node.row, None]
    for (xs, ys), dash in ((first, "solid"), (other, "dot")):
        line = {"color": FAINT, "width": 1.3, "dash": dash}
        figure.add_trace(go.Scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip"))


def _marks(go: Any, figure: Any, nodes: list[Node], *, labelled: bool) -> None:
    means = [each.candidate.selection for each in nodes]
    marker: dict[str, Any] = {
        "size": [15 if n.candidate.accepted else 11 for n in nodes],
        "symbol": ["circle" if n.candidate.accepted else "x" for n in nodes],
        "color": FAINT,
        "opacity": 1,
        "line": {"color": INK, "width": [1.5 if n.candidate.accepted else 0 for n in nodes]},
    }
    if all(means):
        marker |= {
            "color": [mean.mean for mean in means if mean],
            "colorscale": "Viridis",
            "colorbar": {"title": "selection", "thickness": 14, "lenmode": "pixels", "len": 200},
        }
    figure.add_trace(
        go.Scatter(
            x=[node.depth for node in nodes],
            y=[node.row for node in nodes],
            mode="markers+text" if labelled else "markers",
            text=[shown(node.candidate.id) for node in nodes],
            textposition="bottom center",
            marker=marker,
            cliponaxis=False,
            hovertext=[_hover(node.candidate) for node in nodes],
            hoverinfo="text",
        )
    )


def _hover(each: CandidateFacts) -> str:
    mean = each.selection
    lines = [
        f"<b>{shown(each.id)}</b> {shown(each.strategy)}",
        f"selection {score(mean.mean, mean.low, mean.high)}, n {mean.n}" if mean else "",
        f"{'kept' if each.accepted else 'dropped'} by {shown(each.rule)}: {shown(each.reason)}"
        if each.rule
        else "",
        shown(each.rationale) if each.rationale else "",
    ]
    return "<br>".join(line for line in lines if line)
