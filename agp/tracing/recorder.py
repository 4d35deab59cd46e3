"""From OpenTelemetry's SDK to the store: a provider of one's own, never the global one.

To send the same spans elsewhere, add a processor: ``project.tracer_provider.add_span_processor(
BatchSpanProcessor(OTLPSpanExporter()))``. It is given them without secrets, as the store is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import format_span_id, format_trace_id
from opentelemetry.util.types import AttributeValue
from sqlalchemy import insert

from agp.errors import StoreError
from agp.store.database import Database
from agp.store.tables import SpanRow
from agp.tracing.redacting import RedactingProcessors

_QUEUE = 100_000
_BATCH = 512
_DELAY_MS = 1000


class StoreExporter(SpanExporter):
    """Writes finished spans to the store, one transaction a batch."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write a batch; a store that fails costs traces, never the work that is traced."""
        try:
            with self._database.write() as session:
                session.execute(insert(SpanRow), [_row(span) for span in spans])
        except StoreError:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS


def provider_for(database: Database) -> TracerProvider:
    """A tracer provider whose spans end up in the store; call ``shutdown`` to flush it."""
    provider = TracerProvider(
        active_span_processor=RedactingProcessors(),
        resource=Resource({"service.name": "agp"}),
        sampler=ALWAYS_ON,  # the store is to have all, whatever an application around it samples
        shutdown_on_exit=False,
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            StoreExporter(database),
            max_queue_size=_QUEUE,
            max_export_batch_size=_BATCH,
            schedule_delay_millis=_DELAY_MS,
        )
    )
    return provider


def _row(span: ReadableSpan) -> dict[str, Any]:
    context = span.get_span_context()
    assert context is not None  # a finished span has one
    return {
        "span_id": format_span_id(context.span_id),
        "trace_id": format_trace_id(context.trace_id),
        "parent_id": format_span_id(span.parent.span_id) if span.parent else None,
        "name": span.name[:255],
        "start_ns": span.start_time or 0,
        "end_ns": span.end_time or 0,
        "status": span.status.status_code.name,
        "attributes": _plain(span.attributes),
        "events": [
            {"name": e.name, "time_ns": e.timestamp, "attributes": _plain(e.attributes)}
            for e in span.events
        ],
    }


def _plain(attributes: Mapping[str, AttributeValue] | None) -> dict[str, Any]:
    return {key: _value(value) for key, value in (attributes or {}).items()}


def _value(value: AttributeValue) -> Any:
    """An attribute as a JSON value that every database can hold."""
    if isinstance(value, str):
        # PostgreSQL has no NUL in text, UTF-8 no lone surrogates.
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    return list(value) if isinstance(value, tuple) else value
