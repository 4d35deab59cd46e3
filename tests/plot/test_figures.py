"""Figures hold the rows they are made from, and a page needs nothing from elsewhere."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from typing import Any

import pytest

from agp import plot
from agp.errors import AgpError, InputError, NotFoundError
from agp.runs.journal import Journal
from agp.store.database import Database
from tests.runs.stored import CONFIG, assessed, sample, search, stored, until

pytest.importorskip("plotly", reason="plotly is not installed: pip install 'autogenesis-agp[plot]'")

EVIL = "</script><script>alert(1)</script><b onclick=x>"


def named(figure: Any, name: str) -> Any:
    return next(trace for trace in figure.data if trace.name == name)


def test_progress_draws_a_line_a_band_and_the_holdout() -> None:
    figure: Any = plot.score_against_evaluations(stored(name="evolve-1-aaaa"))
    line = named(figure, "reflection (aaaa)")
    assert (list(line.x), list(line.y)) == ([6, 12, 14], [0.25, 0.75, 0.75])
    low, high = figure.data[0], figure.data[1]
    assert list(low.x) == list(high.x) == [6, 12, 14]
    assert all(a < b < c for a, b, c in zip(low.y, line.y, high.y, strict=True))
    marks = [(trace.x[0], trace.y[0]) for trace in figure.data if len(trace.x) == 1]
    assert marks == [(14, pytest.approx(1 / 3)), (14, 1.0)]


def test_several_runs_are_overlaid_in_their_own_colours() -> None:
    runs = [stored(name="evolve-1-aaaa"), stored(name="evolve-1-bbbb")]
    figure: Any = plot.score_against_evaluations(runs)
    first, second = named(figure, "reflection (aaaa)"), named(figure, "reflection (bbbb)")
    assert first.line.color != second.line.color
    bars: Any = plot.cost(runs)
    assert {name for name, _ in zip(*bars.data[0].x, strict=True)} == {
        "reflection (aaaa)",
        "reflection (bbbb)",
    }
    assert len(plot.pareto_front(runs).data) == 4


def test_lineage_draws_rejected_and_unscored_candidates_too() -> None:
    figure: Any = plot.lineage(stored())
    grey, coloured = figure.data[-2:]
    assert (list(grey.text), list(grey.marker.symbol)) == (["r1c1", "r2c1"], ["x", "x"])
    assert (list(coloured.text), list(coloured.marker.color)) == (["seed", "r1c2"], [0.25, 0.75])
    edges = [(x, y) for x, y in zip(figure.data[0].x, figure.data[0].y, strict=True)]
    assert edges[:3] == [(0, 0.5), (1, 0.0), (None, None)]
    assert len(edges) == 9


def test_costs_add_up_to_what_was_spent() -> None:
    figure: Any = plot.cost(stored())
    assert sum(sum(trace.y) for trace in figure.data) == stored().spend.tokens


def test_runs_are_found_in_a_store_by_name(tmp_path: Any) -> None:
    database = Database(tmp_path / "store.db")
    with pytest.raises(InputError, match="no run in this store"):
        plot.cost(database)
    journal = Journal.start(database, "evolve", dict(CONFIG))
    journal.append("sample/1", "sample", sample("a", 1.0))
    assert plot.cost(database).data == plot.cost(database, journal.run).data
    with pytest.raises(NotFoundError):
        plot.cost(database, "nope")
    with pytest.raises(InputError, match="baseline is not done"):
        plot.score_against_evaluations(database, "latest")
    database.close()
    with pytest.raises(InputError, match="Give runs, or a project"):
        plot.cost([])
    with pytest.raises(InputError, match="one run, not 2"):
        plot.lineage([stored(), stored()])


def test_without_plotly_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    for draw in (plot.score_against_evaluations, plot.lineage, plot.pareto_front, plot.cost):
        with pytest.raises(AgpError) as error:
            draw(stored())
        assert error.value.hint == "pip install 'autogenesis-agp[plot]'"
    with pytest.raises(AgpError, match="plotly, which is not installed"):
        plot.page(stored())


class Tags(HTMLParser):
    """The tags of a page, and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]


def test_a_page_is_whole_refers_to_nothing_and_runs_no_foreign_text() -> None:
    evil = assessed("r2c2", 2, accepted=True, scores=dict.fromkeys("abcd", 1.0))
    evil["proposal"] |= {"rationale": EVIL, "strategy": EVIL, "edits": [{"text": EVIL}]}
    run = stored([*search(), ("assessment/r2c2", "assessment", evil)], benchmark=EVIL)
    page = plot.page(run)
    seen = Tags()
    seen.feed(page)
    assert seen.references == []
    assert "default-src 'none'" in page
    assert seen.tags.count("section") >= 8
    body = page[page.index("</head>") :]
    assert body.count("<script") == 5  # a figure each
    assert "alert(1)</script>" not in page
    assert "<b onclick" not in page
    shown = re.sub("<[^>]+>", " ", body)
    for said in ("r1c2", "75.0 %", "33.3 %", "is not over (stopped)", "round 1", "reflector"):
        assert said in shown


def test_a_page_says_which_figures_a_run_has_nothing_for() -> None:
    page = plot.page(stored(until("round/0")))
    assert "its baseline is not done" in page
    assert "no candidate was assessed" in page
    assert "no front of candidates" in page
