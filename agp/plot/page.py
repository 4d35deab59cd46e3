"""A run as one HTML page: figures and tables, and nothing from elsewhere.

The page holds plotly's script (about 5 MB), its own style and all data; a content security policy
forbids it every request. Whatever a model or a user wrote is escaped.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agp.errors import InputError
from agp.plot.cost import cost
from agp.plot.lineage import lineage
from agp.plot.pareto import pareto_front
from agp.plot.progress import score_against_evaluations
from agp.plot.source import run_of
from agp.plot.style import graph_objects
from agp.runs.compare import flat
from agp.runs.facts import CandidateFacts, Mean, candidates, costs, outcome
from agp.secrets import redact

if TYPE_CHECKING:
    from agp.budget import Spend
    from agp.plot.source import Name, Source
    from agp.runs.listing import StoredRun

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; color: #1f2937;
  background: #f3f4f6; margin: 0; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 1.55rem; margin: 0; } h2 { font-size: 1.1rem; margin: 0 0 12px; }
.sub { color: #6b7280; margin: 2px 0 20px; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px;
  margin-bottom: 16px; }
.card, section { background: #fff; border: 1px solid #e5e7eb; border-radius: 10px; }
.card { padding: 12px 14px; } .card b { display: block; font-size: 1.25rem; }
.card span { color: #6b7280; font-size: .82rem; }
section { padding: 18px 20px; margin-bottom: 16px; overflow-x: auto; }
.verdict { border-left: 5px solid #9ca3af; } .verdict.yes { border-left-color: #059669; }
.verdict.no { border-left-color: #d97706; } .verdict p { margin: 4px 0; }
table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th { text-align: left; color: #6b7280; font-weight: 600; border-bottom: 2px solid #e5e7eb; }
th, td { padding: 6px 12px 6px 0; vertical-align: top; }
td { border-bottom: 1px solid #f0f1f3; overflow-wrap: anywhere; }
td.n { white-space: nowrap; font-variant-numeric: tabular-nums; }
.kept { color: #047857; font-weight: 600; } .dropped { color: #b45309; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f9fafb; padding: 8px 10px;
  border-radius: 6px; margin: 6px 0; font-size: .82rem; }
summary { cursor: pointer; color: #2563eb; } .missing { color: #6b7280; }
@media print { body { background: #fff; } section, .card { break-inside: avoid; } }
"""
_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,  # a page that needs no network offers none either
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}

JsonObject = dict[str, Any]
Rows = Iterable[Sequence[str]]


def page(source: Source, name: Name | None = None) -> str:
    """A run as one HTML page. Raises what the figures raise for an unknown run or no plotly.

    A figure that the run has nothing for is a sentence that says why.
    """
    graph_objects()
    run = run_of(source, name)
    from plotly.offline import get_plotlyjs

    body = "\n".join(_body(run))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(run.id)}</title><style>{_STYLE}</style>"
        f"<script>{get_plotlyjs()}</script></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )


def _body(run: StoredRun) -> Iterator[str]:
    told = run.report or {}
    agent = told.get("agent") or run.config.get("agent") or "an agent"
    yield f"<h1>{_text(agent)} on {_text(run.benchmark)}</h1>"
    yield f'<p class="sub">{_text(", ".join(_about(run)))}</p>'
    yield _cards(run)
    yield _verdict(run)
    yield from _figures(run)
    found = candidates(run)
    if found:
        head = ("candidate", "from", "strategy", "verdict", "selection", "tokens a sample", "why")
        yield _section("Candidates", _table(head, map(_candidate, found)))
    yield _section("Cost", _table(_COST_HEAD, _cost_rows(run)))
    yield _section("Sessions", _table(("ended", "took", "how"), _session_rows(run)))
    yield _section("Settings", _table(("setting", "value"), _settings(run)))


def _about(run: StoredRun) -> Iterator[str]:
    yield f"run {run.id}"
    yield run.status
    yield f"begun {_moment(run.begun)}"
    if run.config.get("optimizer"):
        yield f"optimizer {run.config['optimizer']}"
    for role, model in (run.report or {}).get("models", {}).items():
        yield f"{role} {model}"


def _cards(run: StoredRun) -> str:
    before, after = outcome(run)
    wall = sum(p["wall"] for p in run.of_type("session"))
    spend = run.spend
    cards = [
        ("score" if run.kind == "bench" else "before, on the holdout", *_score(before)),
        ("after, on the holdout", *_score(after)) if run.kind != "bench" else None,
        ("evaluations", f"{spend.evaluations:,}", f"{spend.calls:,} model calls"),
        ("tokens", f"{spend.tokens:,}", f"{spend.cached:,} replies out of the cache"),
        ("cost", _money(spend), f"{_seconds(wall)} in all sessions"),
    ]
    made = "".join(
        f'<div class="card"><span>{_text(what)}</span><b>{_text(value)}</b>'
        f"<span>{_text(more)}</span></div>"
        for what, value, more in filter(None, cards)
    )
    return f'<div class="cards">{made}</div>'


def _verdict(run: StoredRun) -> str:
    told, decision = run.report or {}, next(run.of_type("decision"), None)
    lines = [f"<b>{_text(told['conclusion'])}</b>"] if told.get("conclusion") else []
    kind = ""
    if decision is not None:
        verdict, numbers = decision["verdict"], decision["verdict"].get("numbers", {})
        kind = "yes" if verdict["accepted"] else "no"
        if "difference" in numbers:
            low, high = (f"{100 * numbers[bound]:+.1f}" for bound in ("low", "high"))
            lines.append(
                f"Difference on the holdout {100 * numbers['difference']:+.1f} points "
                f"({low} to {high}), p = {numbers['p']:.3g}: {numbers['wins']} won, "
                f"{numbers['losses']} lost, {numbers['ties']} tied."
            )
    if run.report is None:
        lines.append(
            f"This run is not over ({_text(run.status)}): figures show it as far as it is."
        )
    if not lines:
        return ""
    said = "".join(f"<p>{line}</p>" for line in lines)
    return f'<section class="verdict {kind}">{said}</section>'


def _figures(run: StoredRun) -> Iterator[str]:
    drawn: list[tuple[str, Callable[[], Any]]] = [
        ("Score against evaluations", lambda: score_against_evaluations(run)),
        ("Lineage", lambda: lineage(run)),
        ("Pareto front", lambda: pareto_front(run)),
        ("Cost in tokens", lambda: cost(run)),
        ("Cost in model time", lambda: cost(run, of="seconds")),
    ]
    for title, draw in drawn if run.kind != "bench" else drawn[3:]:
        try:
            figure = draw()
        except InputError as missing:
            said = f'<p class="missing">{_text(missing.message)}</p>'
            yield _section(title, said)
            continue
        yield f"<section>{figure.to_html(full_html=False, include_plotlyjs=False, config=_CONFIG)}"
        yield "</section>"


def _candidate(each: CandidateFacts) -> Sequence[str]:
    word = "start" if not each.parents else "kept" if each.accepted else "dropped"
    mean, upper = _score(each.selection)
    tokens = "-" if each.a_sample is None else f"{each.a_sample.tokens:,.0f}"
    why = f"{each.rule}: {each.reason}" if each.rule else "the agent as it was"
    return (
        f"<b>{_text(each.id)}</b>",
        _text(", ".join(each.parents)) or "-",
        _text(each.strategy),
        f'<span class="{word}">{word}</span>',
        f"{_text(mean)}<br><small>{_text(upper)}</small>" if each.selection else "-",
        tokens,
        _text(why) + _change(each),
    )


def _change(each: CandidateFacts) -> str:
    if not each.edits:
        return ""
    edits = "\n\n".join(json.dumps(edit, indent=1, ensure_ascii=False) for edit in each.edits)
    about = f"<p>{_text(each.rationale)}</p>" if each.rationale else ""
    return f"<details><summary>what it changed</summary>{about}<pre>{_text(edits)}</pre></details>"


_COST_HEAD = ("part", "role", "evaluations", "calls", "tokens", "model time", "cost")


def _cost_rows(run: StoredRun) -> Iterator[Sequence[str]]:
    for part, role, spend in (*costs(run), ("all", "", run.spend)):
        counts = (f"{n:,}" for n in (spend.evaluations, spend.calls, spend.tokens))
        yield _text(part), _text(role), *counts, _seconds(spend.seconds), _text(_money(spend))


def _session_rows(run: StoredRun) -> Iterator[Sequence[str]]:
    for step in run.steps:
        if step.type == "session":
            how: JsonObject = step.payload.get("ended") or {"message": "finished"}
            said = how.get("message") or how["error"]
            yield _moment(step.at), _seconds(step.payload["wall"]), _text(said)


def _settings(run: StoredRun) -> Iterator[Sequence[str]]:
    for name, value in flat(run.config):
        if value not in (None, "", [], {}):
            yield _text(name), _text(str(value))


def _section(title: str, body: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{body}</section>" if body else ""


def _table(head: Sequence[str], rows: Rows) -> str:
    """A table of cells that are HTML already; empty without rows."""
    last = len(head) - 1
    lines = [
        "".join(f"<td{' class=n' * (at != last)}>{cell}</td>" for at, cell in enumerate(row))
        for row in rows
    ]
    if not lines:
        return ""
    heads = "".join(f"<th>{_text(name)}</th>" for name in head)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _score(mean: Mean | None) -> tuple[str, str]:
    if mean is None:
        return "-", "not measured"
    if mean.low is None or mean.high is None:
        return f"{mean.mean:.4g}", f"n {mean.n}"
    bounds = f"{100 * mean.low:.1f} to {100 * mean.high:.1f}"
    return f"{100 * mean.mean:.1f} %", f"95 % interval {bounds}, n {mean.n}"


def _money(spend: Spend) -> str:
    if spend.unpriced:
        return "unknown"
    return f"${spend.cost_usd:.4f}" if 0 < spend.cost_usd < 1 else f"${spend.cost_usd:.2f}"


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def _moment(iso: str) -> str:
    return datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M:%S UTC")


def _text(text: str) -> str:
    return html.escape(redact(text))
