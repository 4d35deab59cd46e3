"""Code that no person wrote, as it stands in the history: who brought it, for what, on what
evidence, and what a person said of it."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from agp.errors import InputError, NotFoundError
from agp.rspl.approved import (
    REJECTED,
    approved_until,
    code_in,
    introduction,
    newest_decision,
)
from agp.rspl.commits import Commit
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import History
from agp.rspl.origins import PERSON
from agp.store.tables import OriginRow, RefRow, table

Status = Literal["pending", "approved", "rejected", "expired"]
_SHORTEST_PREFIX = 6
_ORIGINS, _REFS = table(OriginRow), table(RefRow)


@dataclass(frozen=True)
class Brought:
    """Code that no person wrote, in the commit that last made it live in a resource.

    ``origin`` and ``author`` are of who brought it first, for whichever resource; ``parent`` is
    the code it replaced, ``before`` and ``after`` the versions; ``live`` the branches that have it
    now; ``status`` what a person said: ``expired`` is an approval that does not count any more
    (time, policy or parent); ``until`` when one that counts ends.
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
    """All code that no person wrote: the resource that it was committed for, and all that have it
    live now, each of which needs an approval of its own."""
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
        several = ", ".join(f"{each.resource}@{each.version}" for each in matches[:6])
        hint = f"Give one with its version: {matches[0].resource}@{matches[0].version}"
        raise InputError(f"{text!r} means several: {several}.", hint=hint)
    if not matches:
        names = {str(each.resource) for each in known}
        raise NotFoundError("code to review", text, names, hint="See: agp review list --all")
    return matches[0]


def _versions(history: History, connection: Connection) -> Iterator[Brought]:
    query = select(_ORIGINS).where(_ORIGINS.c.origin != PERSON)
    rows = {row.code: row for row in connection.execute(query).all()}
    live = _live(connection, rows) if rows else {}
    for resource, code in {(row.resource, row.code) for row in rows.values()} | live.keys():
        brought = introduction(connection, code, resource)
        if brought is None:
            continue  # a candidate that was never committed
        until = approved_until(connection, code, resource, history.origins.policy)
        decision = newest_decision(connection, code, resource)
        yield Brought(
            code=code,
            resource=ResourceId.parse(resource),
            origin=rows[code].origin,
            author=rows[code].author,
            commit=brought.commit,
            parent=brought.parent,
            before=brought.before,
            after=brought.after,
            version=history.version_of(brought.after),
            live=tuple(sorted(live.get((resource, code), ()))),
            status=_status(decision, until),
            until=until,
        )


def _status(decision: str | None, until: datetime | None) -> Status:
    if until is not None:
        return "approved"
    if decision is None:
        return "pending"
    return "rejected" if decision == REJECTED else "expired"


def _live(connection: Connection, foreign: Container[str]) -> dict[tuple[str, str], set[str]]:
    """(resource, code) → the branches that have it live, of foreign code."""
    found: dict[tuple[str, str], set[str]] = {}
    refs = select(_REFS.c.branch, _REFS.c.type, _REFS.c.name, _REFS.c.digest)
    for branch, type_, name, digest in connection.execute(refs).all():
        code = code_in(connection, digest)
        if code is not None and code in foreign:
            found.setdefault((f"{type_}/{name}", code), set()).add(branch)
    return found
