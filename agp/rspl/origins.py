"""Who wrote the code of one store, and so where it runs: in this process, or confined.

Contract: the first who brings code to a store is its origin for good. A person's code may run in
the process; any other needs an approval that is valid now (`agp.trust` writes them). The store is
asked once per code, when a record with it is first read or brought, never on a `get`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.orm import Session

from agp.errors import InputError, ResourceError
from agp.rspl import trusted
from agp.rspl.entities import Record
from agp.rspl.kinds import KINDS
from agp.store.database import Database
from agp.store.tables import ApprovalRow, ChangeRow, CommitRow, ObjectRow, OriginRow, now, table

Origin = Literal["person", "optimizer", "model", "import"]
PERSON: Final[Origin] = "person"
OPTIMIZER: Final[Origin] = "optimizer"
MODEL: Final[Origin] = "model"
IMPORT: Final[Origin] = "import"
ORIGINS: tuple[Origin, ...] = get_args(Origin)

DECISION = "approval"
"""The kind of audit entry that every decision on code has, rejections too."""
APPROVED, REJECTED = "approved", "rejected"
KEEPING = ("merge", "restore", "rollback")
"""Operators that bring back what was decided on before: they do not make a new parent."""
_FIRST_SCHEMA = "0003"
_BATCH = 400

_ORIGINS, _APPROVALS = table(OriginRow), table(ApprovalRow)


def code_of(record: Record) -> str | None:
    """The digest of the code that a record's instances run; None where they run none."""
    return KINDS[record.type].code(record)


class Origins:
    """Who wrote what in one store.

    Parameters: ``policy`` the digest of the policy in force: approvals under another one do not
    count.
    """

    def __init__(self, database: Database, policy: str = "") -> None:
        self._database = database
        self._policy = policy
        self._met: dict[str, bool] = {}
        """Codes that the store was asked about, and whether it knew them."""
        self._doubted: set[str] = set()
        """Those among them that need an approval."""
        self._judged_at: tuple[int | None, str] = (None, policy)

    @property
    def policy(self) -> str:
        """The digest of the policy in force."""
        return self._policy

    @policy.setter
    def policy(self, digest: str) -> None:
        self._policy = digest
        if self._doubted:
            with self._database.snapshot() as connection:
                self.renew(connection)

    def meet(self, records: Iterable[Record], origin: Origin | None = None) -> None:
        """Decide where the code of records runs, before anything of it is built.

        Parameters: ``origin`` who brings it, if it is new to the store; None for nobody knows.
        """
        codes = self._unmet(records)
        if codes:
            with self._database.snapshot() as connection:
                self._judge(connection, codes, origin)

    def met(self, connection: Connection, records: Iterable[Record]) -> None:
        """The same for records that were just read, on the connection they were read on."""
        if codes := self._unmet(records):
            self._judge(connection, codes, None)

    def renew(self, connection: Connection) -> None:
        """Judge anew what needs an approval, where one was given or taken since."""
        if not self._doubted:
            return
        newest = connection.execute(select(func.max(_APPROVALS.c.id))).scalar()
        if (newest, self._policy) != self._judged_at:
            self._judged_at = (newest, self._policy)
            self._judge(connection, set(self._doubted), None)

    def of(self, records: Iterable[Record]) -> Origin:
        """A person where all code of records is a person's; else who else wrote of it."""
        codes = {code for record in records if (code := code_of(record)) is not None}
        if not codes:
            return PERSON
        with self._database.snapshot() as connection:
            known = _known(connection, codes)
        others: list[Origin] = [known[code] for code in sorted(known) if known[code] != PERSON]
        return others[0] if others else PERSON

    def note(self, session: Session, records: Iterable[Record], origin: Origin, by: str) -> None:
        """Write down who brought code, where it is new, in the transaction that keeps it.

        Raises InputError for an unknown origin, ResourceError where code that no person wrote
        names a module of this machine instead of being in the record.
        """
        if origin not in ORIGINS:
            raise InputError(f"Not an origin: {origin!r}.", hint=f"One of: {', '.join(ORIGINS)}")
        new: dict[str, Record] = {}
        for record in records:
            code = code_of(record)
            if code is not None and not self._met.get(code):
                new.setdefault(code, record)
        if new:
            known = _known(session.connection(), set(new))
            self._insert(session, {c: r for c, r in new.items() if c not in known}, origin, by)

    def _insert(self, session: Session, new: dict[str, Record], origin: Origin, by: str) -> None:
        rows: list[dict[str, Any]] = []
        for code, record in new.items():
            if origin in (OPTIMIZER, MODEL) and record.implementation.kind == "import":
                raise ResourceError(
                    f"{record.id}: its implementation names {record.implementation.entry!r}, a "
                    f"module of this machine: code by the {origin} must be in the record.",
                    hint="Only a person may bind a resource to an installed module.",
                )
            row = {"code": code, "origin": origin, "author": by, "resource": str(record.id)}
            rows.append({**row, "created_at": now()})
            self._take(code, origin)
        if rows:
            session.execute(insert(_ORIGINS), rows)

    def _unmet(self, records: Iterable[Record]) -> set[str]:
        """Codes that the store was not asked about, or did not know then."""
        codes = {code for record in records if (code := code_of(record)) is not None}
        return {code for code in codes if not self._met.get(code)}

    def _judge(self, connection: Connection, codes: set[str], origin: Origin | None) -> None:
        old = str(self._database.schema) < _FIRST_SCHEMA  # opened without migrating: a person's
        known = {} if old else _known(connection, codes)
        for code in codes:
            self._met[code] = code in known
            first = known.get(code) or (PERSON if old else origin)
            if first is not None:
                self._take(code, first)
        if waiting := {code for code in codes & known.keys() if code in self._doubted}:
            for code in waiting:
                until = approved_until(connection, code, self._policy)
                if until is not None:
                    trusted.allow(code, until.timestamp())

    def _take(self, code: str, origin: Origin) -> None:
        """Without an approval, a person's code is trusted, and no other."""
        if origin == PERSON:
            if not trusted.is_trusted(code):
                trusted.allow(code)
        elif not trusted.is_shipped(code):
            self._doubted.add(code)
            trusted.revoke(code)


def approved_until(
    connection: Connection, code: str, policy: str, moment: datetime | None = None
) -> datetime | None:
    """When the approval of code ends that counts now; None where there is none.

    It counts where it was given under this policy, for replacing what the code replaces, has not
    ended, and was not followed by a rejection.
    """
    for row in standing(connection, code, policy, moment or datetime.now(UTC)):
        brought = introduction(connection, code, row.resource)
        if brought is not None and brought.parent == row.parent:
            return datetime.fromisoformat(row.expires_at)
    return None


def standing(
    connection: Connection, code: str, policy: str, moment: datetime
) -> Iterator[Row[Any]]:
    """The approvals of code under a policy that have not ended, as far as no rejection followed."""
    query = select(_APPROVALS).where(_APPROVALS.c.code == code).order_by(_APPROVALS.c.id.desc())
    for row in connection.execute(query).all():
        if row.decision != APPROVED:
            return
        ends = row.expires_at
        if row.policy == policy and ends and datetime.fromisoformat(ends) > moment:
            yield row


def newest_decision(connection: Connection, code: str) -> str | None:
    """What was decided on code last, None for nothing."""
    query = select(_APPROVALS.c.decision).where(_APPROVALS.c.code == code)
    return connection.execute(query.order_by(_APPROVALS.c.id.desc()).limit(1)).scalar()


@dataclass(frozen=True)
class Introduction:
    """How code came to a resource: the commit, the versions, and the code that it replaced."""

    commit: str
    after: str
    before: str | None
    parent: str | None


def introduction(connection: Connection, code: str, resource: str) -> Introduction | None:
    """The newest commit that made code live in a resource in place of other code.

    One that only brought back what was there before counts where there is no other.
    """
    type_, _, name = resource.partition("/")
    changes, commits = table(ChangeRow), table(CommitRow)
    query = (
        select(changes.c.commit, changes.c.before, changes.c.after, commits.c.operator)
        .join(commits, commits.c.id == changes.c.commit)
        .where(changes.c.type == type_, changes.c.name == name, changes.c.after.is_not(None))
        .order_by(commits.c.seq.desc())
    )
    codes: dict[str, str | None] = {}

    def of(digest: str | None) -> str | None:
        if digest is not None and digest not in codes:
            codes[digest] = _code_in(connection, digest)
        return codes[digest] if digest is not None else None

    brought_back: Introduction | None = None
    for commit, before, after, operator in connection.execute(query):
        if of(after) == code and of(before) != code:
            found = Introduction(commit, after, before, of(before))
            if operator not in KEEPING:
                return found
            brought_back = brought_back or found
    return brought_back


def _code_in(connection: Connection, digest: str) -> str | None:
    objects = table(ObjectRow)
    body = connection.execute(select(objects.c.body).where(objects.c.digest == digest)).scalar()
    return None if body is None else code_of(Record.model_validate(json.loads(body)))


def _known(connection: Connection, codes: set[str]) -> dict[str, Origin]:
    """The origin of the codes that the store knows: a person's only where nobody else was first."""
    found: dict[str, Origin] = {}
    wanted = sorted(codes)
    for start in range(0, len(wanted), _BATCH):
        part = _ORIGINS.c.code.in_(wanted[start : start + _BATCH])
        query = select(_ORIGINS.c.code, _ORIGINS.c.origin).where(part)
        for code, origin in connection.execute(query):
            if found.get(code, PERSON) == PERSON:
                found[code] = origin
    return found
