"""``agp trace``: what agents and models really did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Limit, Output, Place
from agp.tracing import names

if TYPE_CHECKING:
    from rich.tree import Tree

    from agp.tracing.reader import Span

_CLIPPED_CHARS = 400
_CLIPPED_LINES = 8

app = typer.Typer(
    name="trace",
    no_args_is_help=True,
    help="See what happened inside: every agent, model call and tool call.\n\nExamples:\n\n"
    "  agp trace list --run evolve-20260101-120000-ab12\n\n"
    "  agp trace show 4bf92f35",
)


@app.command("list")
@grouped
def list_all(
    place: Place,
    run: Annotated[str | None, typer.Option(help="Only traces of this run.")] = None,
    limit: Limit = 20,
    output: Output = Format.table,
) -> None:
    """List traces, newest first.

    Examples:

      agp trace list

      agp trace list --run evolve-20260101-120000-ab12 --limit 100

      agp trace list -f json
    """
    from agp.cli.opening import opened
    from agp.cli.render import duration, print_json, print_table
    from agp.runs.journal import Journal
    from agp.tracing.reader import list_traces

    with opened(place) as project:
        if run is not None:
            Journal.reopen(project.database, run)
        spans = list_traces(project.database, limit=limit, run=run)
    if output is Format.json:
        print_json([asdict(span) for span in spans])
        return
    rows = [
        (span.trace_id[:12], _moment(span), duration(span.seconds), _score(span), _title(span))
        for span in spans
    ]
    print_table(("trace", "when", "took", "score", "what"), rows, empty="No traces.")


@app.command()
@grouped
def show(
    trace: Annotated[str, typer.Argument(help="The trace's id, or its first 4 or more digits.")],
    place: Place,
    full: Annotated[bool, typer.Option("--full", help="Do not shorten messages.")] = False,
    output: Output = Format.table,
) -> None:
    """Show one trace as a tree: durations, tokens, scores, messages.

    Examples:

      agp trace show 4bf92f35

      agp trace show 4bf92f35 --full

      agp trace show 4bf92f35 -f json
    """
    from rich.tree import Tree

    from agp.cli.opening import opened
    from agp.cli.render import console, print_json, styled
    from agp.tracing.reader import read_trace

    with opened(place) as project:
        spans = read_trace(project.database, trace)
    if output is Format.json:
        print_json([asdict(span) for span in spans])
        return
    tree = Tree(styled(f"trace {spans[0].trace_id}", "bold"))
    known = {span.span_id for span in spans}
    for span in spans:
        if span.parent_id not in known:
            _grow(tree, span, spans, full=full)
    console().print(tree)


def _grow(tree: Tree, span: Span, spans: list[Span], *, full: bool) -> None:
    from agp.cli.render import duration, styled

    label = styled(_title(span), "red bold" if span.status == "ERROR" else "bold")
    figures = [duration(span.seconds), *_figures(span.attributes)]
    label.append_text(styled(f"  {', '.join(figures)}", "dim"))
    branch = tree.add(label)
    for role, text in _messages(span):
        branch.add(styled(f"{role}: ", "cyan") + styled(text if full else _clip(text), ""))
    for each in spans:
        if each.parent_id == span.span_id:
            _grow(branch, each, spans, full=full)
    for role, text in _outcome(span):
        branch.add(styled(f"{role}: ", "green") + styled(text if full else _clip(text), ""))


def _title(span: Span) -> str:
    sample = span.attributes.get(names.TEST_CASE_ID)
    return f"{span.name} [{sample}]" if sample else span.name


def _figures(attributes: dict[str, Any]) -> Iterator[str]:
    if names.GEN_AI_USAGE_INPUT_TOKENS in attributes:
        given = attributes[names.GEN_AI_USAGE_INPUT_TOKENS]
        yield f"{given} + {attributes.get(names.GEN_AI_USAGE_OUTPUT_TOKENS, 0)} tokens"
    if attributes.get(names.AGP_CACHED):
        yield "cached"
    if attributes.get(names.AGP_COST_USD):
        yield f"${attributes[names.AGP_COST_USD]:.4f}"
    if reasons := attributes.get(names.GEN_AI_RESPONSE_FINISH_REASONS):
        yield ", ".join(reasons)
    if error := attributes.get(names.ERROR_TYPE):
        yield str(error)


def _messages(span: Span) -> Iterator[tuple[str, str]]:
    """What went in: messages of a model call, arguments of a tool call."""
    yield from _spoken(span, names.GEN_AI_INPUT_MESSAGES)
    if arguments := span.attributes.get(names.GEN_AI_TOOL_CALL_ARGUMENTS):
        yield "arguments", str(arguments)


def _outcome(span: Span) -> Iterator[tuple[str, str]]:
    """What came out: the reply, the tool's result, the score."""
    yield from _spoken(span, names.GEN_AI_OUTPUT_MESSAGES)
    if names.GEN_AI_TOOL_CALL_RESULT in span.attributes:
        yield "result", str(span.attributes[names.GEN_AI_TOOL_CALL_RESULT])
    for evaluation in _evaluations(span):
        score = evaluation.get(names.GEN_AI_EVALUATION_SCORE_VALUE)
        why = evaluation.get(names.GEN_AI_EVALUATION_EXPLANATION)
        yield "score", f"{score}  {why or ''}".strip()


def _spoken(span: Span, attribute: str) -> Iterator[tuple[str, str]]:
    for message in json.loads(span.attributes.get(attribute) or "[]"):
        parts = [_part(part) for part in message.get("parts", [])]
        yield str(message.get("role")), "\n".join(parts) or "(nothing)"


def _part(part: dict[str, Any]) -> str:
    if part.get("type") == "tool_call":
        return f"→ {part.get('name')}({part.get('arguments')})"
    if part.get("type") == "tool_call_response":
        return str(part.get("response"))
    return str(part.get("content"))


def _evaluations(span: Span) -> list[dict[str, Any]]:
    return [e["attributes"] for e in span.events if e["name"] == names.EVALUATION_EVENT]


def _score(span: Span) -> str:
    values = [each.get(names.GEN_AI_EVALUATION_SCORE_VALUE) for each in _evaluations(span)]
    return f"{values[-1]:.2f}" if values and isinstance(values[-1], float) else "-"


def _moment(span: Span) -> str:
    when = datetime.fromtimestamp(span.start_ns / 1e9, UTC).astimezone()
    return when.strftime("%Y-%m-%d %H:%M:%S")


def _clip(text: str) -> str:
    lines = text.splitlines()
    shown = "\n".join(lines[:_CLIPPED_LINES])[:_CLIPPED_CHARS]
    return shown if shown == "\n".join(lines) else shown + " … (--full)"
