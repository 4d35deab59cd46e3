"""Spans without secrets, for every processor that a provider has: the store's and any other.

A span that ends is copied without its secrets once, before the first processor sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan, SynchronousMultiSpanProcessor
from opentelemetry.trace import Link, Status

from agp.secrets import redact, redact_json


class RedactingProcessors(SynchronousMultiSpanProcessor):
    """Forwards spans that have ended to the processors added to it, without their secrets."""

    def on_end(self, span: ReadableSpan) -> None:
        """Forward a clean copy, or the span itself where it is clean."""
        super().on_end(redacted(span))


def redacted(span: ReadableSpan) -> ReadableSpan:
    """A span without secrets in its name, attributes, events, links and status."""
    told = (
        span.name,
        dict(span.attributes or {}),
        [(event.name, dict(event.attributes or {})) for event in span.events],
        [dict(link.attributes or {}) for link in span.links],
        span.status.description,
    )
    if redact_json(told) is told:  # one look at everything; nearly always all there is to do
        return span
    name, attributes = redact(span.name), _clean(span.attributes)
    events = [_event(event) for event in span.events]
    links = [_link(link) for link in span.links]
    status = _status(span.status)
    same = (
        name is span.name
        and attributes is span.attributes
        and status is span.status
        and all(new is old for new, old in zip(events, span.events, strict=True))
        and all(new is old for new, old in zip(links, span.links, strict=True))
    )
    if same:
        return span
    return ReadableSpan(
        name=name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=events,
        links=links,
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _clean(attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    given = dict(attributes or {})
    changed = redact_json(given)
    return attributes if changed is given else changed


def _event(event: Event) -> Event:
    name, attributes = redact(event.name), _clean(event.attributes)
    if name is event.name and attributes is event.attributes:
        return event
    return Event(name, attributes, event.timestamp)


def _link(link: Link) -> Link:
    attributes = _clean(link.attributes)
    return link if attributes is link.attributes else Link(link.context, attributes)


def _status(status: Status) -> Status:
    if not status.description:
        return status
    clean = redact(status.description)
    return status if clean is status.description else Status(status.status_code, clean)
