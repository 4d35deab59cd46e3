"""The labels of origins, and which of them the results of a resource get."""

from __future__ import annotations

from typing import Any, cast

from agp.capabilities.records import in_code
from agp.rspl.entities import EntityType, Record

USER = "user"
WEB = "web"
KEPT = "taint"
"""The field of a memory's metadata that holds the labels of all it was ever told."""


def sample(digest: str) -> str:
    """The label of a benchmark's sample, by its content digest."""
    return f"sample:{digest}"


def trace(trace_id: str) -> str:
    """The label of a trace."""
    return f"trace:{trace_id}"


def origins_of(record: Record) -> list[str]:
    """The labels of what a resource returns: its own, those it keeps, ``web`` if code reaches it.

    Servers of tools count as the web wherever they run. An agent's text has the labels of what it
    was told, which its task carries already; it has none of its own.
    """
    if record.type in (EntityType.AGENT, EntityType.PROMPT):
        return []
    found = {f"{record.type.value}:{record.name}", *kept_in(record)}
    if record.implementation.kind == "mcp" or "network" in in_code(record.implementation):
        found.add(WEB)
    return sorted(found)


def kept_in(record: Record) -> list[str]:
    """The labels that a memory's content came with."""
    labels: object = record.metadata.get(KEPT, [])
    return [str(each) for each in cast("list[Any]", labels)] if isinstance(labels, list) else []


def with_kept(record: Record, labels: list[str]) -> Record:
    """A memory's record that also keeps these labels; the record itself where it has them all."""
    known = kept_in(record)
    if set(labels) <= set(known):
        return record
    metadata = {**record.body()["metadata"], KEPT: sorted({*known, *labels})}
    return record.model_copy(update={"metadata": metadata})
