"""Code that no person wrote, as it stands in the history: who brought it, for what, on what
evidence, and what a person said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from agp.errors import InputError, NotFoundError
from agp.rspl.commits import Commit
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.origins import (
    PERSON,
    REJECTED,
    approved_until,
    code_of,
    introduction,
    newest_decision,
)
from agp.store.tables import OriginRow, RefRow, table

Status = Literal["pending", "approved", "rejected", "expired"]
_SHORTEST_PREFIX = 6
_ORIGINS, _REFS = table(OriginRow), table(RefRow)


@dataclass(frozen=True)
class Brought:
    """Code that no person wrote, in the commit that last made it live.

    ``parent`` is the code it replaced, ``before`` and ``after`` the versions; ``live`` the
    branches that have it now; ``status`` what a person said: ``expired`` is an approval that does
    not count any more (time, policy or parent); ``until`` when one that counts ends.
    """

    code: str
    resource: ResourceId
    origin: str
    author: str
    commit: str
    parent: str | None
    before: str | None
    after: str
    version: str | None
    live: tuple[str, ...]
    status: Status
    until: datetime | None

    def data(self) -> dict[str, Any]:
        """The same as plain JSON data."""
        return {
            "code": self.code,
            "resource": str(self.resource),
            "version": self.version,
            "origin": self.origin,
            "author": self.author,
            "commit": self.commit,
            "parent": self.parent,
            "before": self.before,
            "after": self.after,
            "live": list(self.live),
            "status": self.status,
            "until": self.until.isoformat() if self.until else None,
        }

    def records(self, history: History) -> tuple[Record | None, Record]:
        """The version before and the version with the code."""
        return history.load(self.before) if self.before else None, history.load(self.after)

    def reason(self, history: History) -> Commit:
        """The commit that brought it, with its evidence."""
        return history.find_commit(self.commit)


def pending(history: History) -> list[Brought]:
    """What waits for a person: neither approved nor rejected, newest commits last."""
    return [each for each in versions(history) if each.status in ("pending", "expired")]


def versions(history: History) -> list[Brought]:
    """All code that no person wrote and that was ever committed, by resource and name."""
    with history.database.snapshot() as connection:
        found = list(_versions(history, connection))
    return sorted(found, key=lambda each: (each.resource, each.code))


def find(history: History, text: str) -> Brought:
    """The code that ``text`` means: ≥ 6 digits of its digest, or a resource that has it live.

    Raises NotFoundError, InputError where it means several, or code that a person wrote.
    """
    known = versions(history)
    if len(text) >= _SHORTEST_PREFIX and all(c in "0123456789abcdef" for c in text.lower()):
        matches = [each for each in known if each.code.startswith(text.lower())]
    else:
        name, _, version = text.partition("@")
        matches = [each for each in known if name in (str(each.resource), each.resource.name)]
        if version:
            matches = [each for each in matches if each.version == version]
        elif len(matches) > 1:
            matches = [each for each in matches if each.live] or matches
    if len(matches) > 1:
        codes = ", ".join(f"{each.resource} {each.code[:12]}" for each in matches[:6])
        raise InputError(f"{text!r} means several: {codes}.", hint="Give the code's digest.")
    if not matches:
        names = {str(each.resource) for each in known}
        raise NotFoundError("code to review", text, names, hint="See: agp review list --all")
    return matches[0]


def _versions(history: History, connection: Connection) -> Iterator[Brought]:
    query = select(_ORIGINS).where(_ORIGINS.c.origin != PERSON)
    live = _live(history, connection)
    for row in connection.execute(query).all():
        brought = introduction(connection, row.code, row.resource)
        if brought is None:
            continue  # a candidate that was never committed
        until = approved_until(connection, row.code, history.origins.policy)
        decision = newest_decision(connection, row.code)
        yield Brought(
            code=row.code,
            resource=ResourceId.parse(row.resource),
            origin=row.origin,
            author=row.author,
            commit=brought.commit,
            parent=brought.parent,
            before=brought.before,
            after=brought.after,
            version=history.version_of(brought.after),
            live=tuple(sorted(live.get((row.resource, row.code), ()))),
            status=_status(decision, until),
            until=until,
        )


def _status(decision: str | None, until: datetime | None) -> Status:
    if until is not None:
        return "approved"
    if decision is None:
        return "pending"
    return "rejected" if decision == REJECTED else "expired"


def _live(history: History, connection: Connection) -> dict[tuple[str, str], set[str]]:
    """(resource, code) → the branches that have it live, of resources with foreign code."""
    foreign = select(_ORIGINS.c.resource).where(_ORIGINS.c.origin != PERSON).distinct()
    found: dict[tuple[str, str], set[str]] = {}
    for resource in connection.execute(foreign).scalars().all():
        type_, _, name = resource.partition("/")
        refs = select(_REFS.c.branch, _REFS.c.digest).where(
            _REFS.c.type == EntityType(type_).value, _REFS.c.name == name
        )
        for branch, digest in connection.execute(refs).all():
            if (code := code_of(history.load(digest))) is not None:
                found.setdefault((resource, code), set()).add(branch)
    return found
