"""Traces as they are read back: a list of them, and one whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from agp.errors import NotFoundError
from agp.store.database import Database
from agp.store.tables import SpanRow


@dataclass(frozen=True)
class Span:
    """One span; times in nanoseconds since the epoch."""

    span_id: str
    trace_id: str
    parent_id: str | None
    name: str
    start_ns: int
    end_ns: int
    status: str
    attributes: dict[str, Any]
    events: list[Any]

    @property
    def seconds(self) -> float:
        """Duration."""
        return (self.end_ns - self.start_ns) / 1e9


def list_traces(database: Database, *, limit: int = 20, run: str | None = None) -> list[Span]:
    """The root spans of the newest traces, newest first, optionally of one run."""
    query = select(SpanRow).where(SpanRow.parent_id.is_(None)).order_by(SpanRow.start_ns.desc())
    if run is not None:
        query = query.where(SpanRow.attributes["agp.run"].as_string() == run)
    with database.read() as session:
        return [_span(row) for row in session.scalars(query.limit(limit))]


def read_trace(database: Database, prefix: str) -> list[Span]:
    """All spans of the trace whose id starts with ``prefix``, in order of start.

    Raises NotFoundError when there is none, or more than one.
    """
    with database.read() as session:
        ids = select(SpanRow.trace_id).where(SpanRow.trace_id.startswith(prefix, autoescape=True))
        found = list(session.scalars(ids.distinct().limit(2)))
        if len(prefix) < 4 or len(found) != 1:
            raise NotFoundError("trace", prefix, hint="See them with: agp trace list")
        query = select(SpanRow).where(SpanRow.trace_id == found[0]).order_by(SpanRow.start_ns)
        return [_span(row) for row in session.scalars(query)]


def _span(row: SpanRow) -> Span:
    return Span(
        span_id=row.span_id,
        trace_id=row.trace_id,
        parent_id=row.parent_id,
        name=row.name,
        start_ns=row.start_ns,
        end_ns=row.end_ns,
        status=row.status,
        attributes=row.attributes,
        events=row.events,
    )
