"""What the audit log says must be there: branches, tags and aliases, as they were moved last.

Entries that are archived, and what was there before the log began, are not known: what only they
tell of is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.audit import log
from agp.audit.entries import BEGIN, COMMIT, Entry, read_covered, read_entry
from agp.errors import InputError
from agp.store.tables import AliasRow, BranchRow, TagRow

Fault = tuple[str, str]
"""Which name, and what is wrong with it."""


@dataclass
class Told:
    """What a log tells: name → what it stands for, None for what was taken away.

    ``named`` are the resources (``type/name``) that imports gave version names; None where that
    is not known of all.
    """

    whole: bool = False  # nothing happened before it
    unnamed_before: bool = False  # it began with the store's first tags and aliases
    branches: dict[str, str | None] = field(default_factory=dict[str, str | None])
    tags: dict[str, str | None] = field(default_factory=dict[str, str | None])
    aliases: dict[str, str | None] = field(default_factory=dict[str, str | None])
    named: set[str] | None = field(default_factory=set[str])


def replay(session: Session) -> Told:
    """Carry out again what the log says. Entries that cannot be read are passed over."""
    told, first = Told(), True
    for row in log.rows(session):
        try:
            entry = read_entry(row.body)
        except InputError:
            entry = None
        if first:
            _begin(told, entry)
            first = False
        if entry is not None:
            _apply(told, entry.kind, entry.payload)
    return told


def _begin(told: Told, entry: Entry | None) -> None:
    covered = read_covered(entry.payload) if entry and entry.kind == BEGIN else None
    told.unnamed_before = covered is not None
    told.whole = covered is not None and covered.commits == 0
    if covered is None:
        told.named = None


def _apply(told: Told, kind: str, payload: dict[str, Any]) -> None:
    if kind in (COMMIT, "branch", "branch_deleted"):
        # A commit that came with an import is on no branch until the entry that says so.
        _set(told.branches, payload, "branch", "commit", gone=kind == "branch_deleted")
    elif kind in ("tag", "tag_deleted"):
        _set(told.tags, payload, "tag", "commit", gone=kind == "tag_deleted")
    elif kind == "alias":
        name = f"{payload.get('resource')} {payload.get('alias')}"
        _set(told.aliases, {**payload, "name": name}, "name", "after", gone=False)
    elif kind == "import":
        named: Any = payload.get("named")
        if not isinstance(named, list) or len(cast("list[Any]", named)) != payload.get("resources"):
            told.named = None  # more than an entry lists
        elif told.named is not None:
            told.named |= {str(each) for each in cast("list[Any]", named)}


def _set(
    into: dict[str, str | None], payload: dict[str, Any], name: str, value: str, *, gone: bool
) -> None:
    found = payload.get(value)
    if isinstance(payload.get(name), str) and (found is None or isinstance(found, str)):
        into[payload[name]] = None if gone else found


def check_names(session: Session, told: Told) -> Iterator[Fault]:
    """Branches, tags and aliases that are not what the log says."""
    branches = session.execute(select(BranchRow.name, BranchRow.head))
    heads = {row.name: row.head for row in branches}
    tagged = session.execute(select(TagRow.name, TagRow.commit))
    tags = {row.name: row.commit for row in tagged}
    rows = session.execute(select(AliasRow.type, AliasRow.name, AliasRow.alias, AliasRow.digest))
    aliases = {f"{type_}/{name} {alias}": digest for type_, name, alias, digest in rows}
    yield from _differences("branch", heads, told.branches, whole=told.whole)
    yield from _differences("tag", tags, told.tags, whole=told.unnamed_before)
    yield from _differences("alias", aliases, told.aliases, whole=told.unnamed_before)


def _differences(
    what: str, there: dict[Any, Any], told: dict[str, str | None], *, whole: bool
) -> Iterator[Fault]:
    for name, value in told.items():
        found = there.get(name)
        if found == value:
            continue
        if found is None:
            yield (
                f"{what} {name}",
                f"the audit log says it is {str(value)[:12]}: it is gone",
            )
        elif value is None:
            yield f"{what} {name}", "the audit log says it was taken away: it is there"
        else:
            fault = f"it stands for {str(found)[:12]}; the audit log says {str(value)[:12]}"
            yield f"{what} {name}", fault
    if whole:
        for name in sorted(str(each) for each in there.keys() - told.keys()):
            yield f"{what} {name}", "the audit log does not know it"
