"""Taking an influence back: which label a word means, and one commit that undoes all of it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from agp.errors import InputError, NotFoundError
from agp.rspl.commits import Commit
from agp.rspl.lineage.influence import Influence
from agp.rspl.registry import Registry
from agp.store.database import Database
from agp.store.tables import EventRow, InfluenceRow, RunRow, SpanRow

_SHORTEST_PREFIX = 6
_PREFIXED = ("sample", "trace", "import")
"""Kinds of labels whose value is a digest or an id that may be shortened."""
_NAMED = ("tool", "memory", "environment")
"""Kinds of labels that mean something whether or not anything goes back to them."""
_SAMPLE = "sample"
_SHOWN = 5


def find_label(database: Database, text: str) -> str:
    """The label that ``text`` means.

    It is a label (``sample:…``, ``tool:python``, ``web``), a sample's id, a run's id, the name of a
    tool, or the first 6 or more digits of a sample's digest or a trace's id. Raises NotFoundError
    where the store knows nothing of that name, InputError where several things have it.
    """
    kind, colon, value = text.partition(":")
    with database.read() as session:
        found = _known(session, text, kind if colon else "", value if colon else text)
    if not found and (text in ("web", "user") or (kind in _NAMED and value)):
        return text
    if not found:
        raise NotFoundError(
            "sample, trace, run or tool",
            text,
            hint="Name a sample's or run's id, or 6 digits of a trace's: agp trace list",
        )
    if len(found) > 1:
        named = ", ".join(sorted(found)[:_SHOWN])
        raise InputError(f"{text!r} may mean {len(found)} things.", hint=f"Say which: {named}")
    return found.pop()


def undo_influence(registry: Registry, found: Influence, *, message: str = "") -> Commit | None:
    """Return every influenced resource to its last uninfluenced version, as one commit.

    None where there is nothing to undo. Raises ConflictError where the branch moved since the
    influence was worked out, ResourceError where something that stays uses what would go.
    """
    load = registry.history.load
    labels = ", ".join(found.labels)
    return registry.commit(
        {each.resource: load(each.after) if each.after else None for each in found.returns},
        operator="rollback",
        message=message or f"roll back what {labels} influenced",
        evidence={
            "influence": list(found.labels),
            "undone": [each.commit.id for each in found.commits],
        },
        expected=found.head,
    )


def _known(session: Session, text: str, kind: str, value: str) -> set[str]:
    """The labels that a word can mean: those that commits name, and what they are made of."""
    if "\x00" in text:  # PostgreSQL has no such text
        return set()
    exact = [text] if kind else [text, f"run:{value}", *(f"{k}:{value}" for k in _NAMED)]
    kinds = [each for each in _PREFIXED if kind in ("", each)]
    starts: list[ColumnElement[bool]] = []
    if len(value) >= _SHORTEST_PREFIX:
        starts = [InfluenceRow.label.startswith(f"{k}:{value}", autoescape=True) for k in kinds]
    query = select(InfluenceRow.label).where(or_(InfluenceRow.label.in_(exact), *starts))
    found = set(session.scalars(query.distinct()))
    if kind in ("", "run") and session.get(RunRow, value) is not None:
        found.add(f"run:{value}")
    if kind in ("", "trace") and len(value) >= _SHORTEST_PREFIX:
        begins = SpanRow.trace_id.startswith(value, autoescape=True)
        traces = session.scalars(select(SpanRow.trace_id).where(begins).distinct().limit(2))
        found |= {f"trace:{each}" for each in traces}
    if kind in ("", _SAMPLE):
        found |= {f"{_SAMPLE}:{each}" for each in _samples(session, value)}
    return found


def _samples(session: Session, text: str) -> set[str]:
    """Digests of samples that runs scored, by id or by the beginning of the digest."""
    name, digest = (EventRow.payload[f].as_string() for f in (_SAMPLE, "sample_digest"))
    named: ColumnElement[bool] = name == text
    if len(text) >= _SHORTEST_PREFIX:
        named = or_(named, digest.startswith(text, autoescape=True))
    query = select(digest).where(EventRow.type == _SAMPLE, named)
    return set(session.scalars(query.distinct().limit(_SHOWN)))
