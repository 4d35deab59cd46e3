"""Who wrote the code of one store, and so where it runs: in this process, or confined.

Contract: the first who brings code to a store is its origin for good. A person's code may run in
the process; any other needs an approval that is valid now (`agp.trust` writes them), for the
resource that it runs as, and while it stands there. The store is asked once per code and resource,
when such a record is first read or brought, never on a `get`; what needs an approval is judged
anew after each commit here that changes code, and with every new view if the store moved on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Final, Literal, get_args

from sqlalchemy import Connection, event, func, insert, select
from sqlalchemy.orm import Session

from agp.errors import InputError, ResourceError
from agp.rspl import trusted
from agp.rspl.approved import APPROVED, approved_until, code_in, code_of, is_live
from agp.rspl.entities import Record
from agp.store.database import Database
from agp.store.tables import ApprovalRow, CommitRow, OriginRow, now, table

Origin = Literal["person", "optimizer", "model", "import"]
PERSON: Final[Origin] = "person"
OPTIMIZER: Final[Origin] = "optimizer"
MODEL: Final[Origin] = "model"
IMPORT: Final[Origin] = "import"
ORIGINS: tuple[Origin, ...] = get_args(Origin)

_FIRST_SCHEMA = "0003"
_BATCH = 400

_ORIGINS, _APPROVALS, _COMMITS = table(OriginRow), table(ApprovalRow), table(CommitRow)
_MOMENT = select(
    select(func.max(_COMMITS.c.seq)).scalar_subquery(),
    select(func.max(_APPROVALS.c.id)).scalar_subquery(),
)

Use = tuple[str, str]
"""Code, and the resource ``type/name`` that it runs as."""


class Origins:
    """Who wrote what in one store.

    Parameters: ``policy`` the digest of the policy in force: approvals under another one do not
    count.
    """

    def __init__(self, database: Database, policy: str = "") -> None:
        self._database = database
        self._policy = policy
        self._met: dict[Use, bool] = {}
        """What the store was asked about, and whether it knew the code."""
        self._doubted: set[Use] = set()
        """Those among them that need an approval."""
        self._judged_at: tuple[str, int, int] | None = None
        """Policy, newest commit and newest decision that they were last judged by."""
        self._judging = threading.Lock()

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
        uses = self._unmet(records)
        if uses:
            with self._database.snapshot() as connection:
                self._judge(connection, uses, origin)

    def met(self, connection: Connection, records: Iterable[Record]) -> None:
        """The same for records that were just read, on the connection they were read on."""
        if uses := self._unmet(records):
            self._judge(connection, uses, None)

    def renew(self, connection: Connection, *, anew: bool = False) -> None:
        """Judge anew what needs an approval, where there were commits or decisions since.

        Parameters: ``anew`` do so even if there were none (a branch was deleted).
        """
        if not self._doubted:
            return
        seq, decision = connection.execute(_MOMENT).one()
        moment = (self._policy, seq or 0, decision or 0)
        with self._judging:
            last = self._judged_at
            if last is not None and last[0] == moment[0]:
                older = moment[1] < last[1] or moment[2] < last[2]  # another thread knows better
                if older or (moment == last and not anew):
                    return
            self._judge(connection, set(self._doubted), None)
            self._judged_at = moment

    def changed(
        self, session: Session, changes: Iterable[tuple[str | None, Record | None]]
    ) -> None:
        """Judge anew once a transaction is committed that puts code in place of other code.

        Parameters: ``changes`` digest of the version before, and the record after, of what moved.
        """
        if self._doubted and any(
            code_in(session.connection(), before) != (code_of(after) if after else None)
            for before, after in changes
        ):
            self.moved(session)

    def moved(self, session: Session) -> None:
        """Judge anew once a transaction is committed that moves a branch as a whole."""

        def judge(_: Session) -> None:
            if self._doubted:
                with self._database.snapshot() as connection:
                    self.renew(connection, anew=True)

        event.listen(session, "after_commit", judge, once=True)

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
            if code is not None and not self._met.get((code, str(record.id))):
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
            self._take((code, str(record.id)), origin, None)
        if rows:
            session.execute(insert(_ORIGINS), rows)

    def _unmet(self, records: Iterable[Record]) -> set[Use]:
        """What the store was not asked about, or did not know then."""
        found = ((code_of(record), record) for record in records)
        uses = {(code, str(record.id)) for code, record in found if code is not None}
        return {use for use in uses if not self._met.get(use)}

    def _judge(self, connection: Connection, uses: set[Use], origin: Origin | None) -> None:
        old = str(self._database.schema) < _FIRST_SCHEMA  # opened without migrating: a person's
        codes = {code for code, _ in uses}
        known = {} if old else _known(connection, codes)
        foreign = {code for code, first in known.items() if first != PERSON}
        approved = _approved(connection, foreign)
        for use in uses:
            code, resource = use
            self._met[use] = code in known
            first = known.get(code) or (PERSON if old else origin)
            until = None
            if code in approved and is_live(connection, code, resource):
                until = approved_until(connection, code, resource, self._policy)
            if first is not None:
                self._take(use, first, until.timestamp() if until else None)
        if approved:
            self._judged_at = None  # perhaps of an older moment than the last time

    def _take(self, use: Use, origin: Origin, until: float | None) -> None:
        """A person's code is trusted for good, any other as far as it is approved."""
        code, resource = use
        if origin == PERSON:
            self._doubted.discard(use)
            if not trusted.is_trusted(code):
                trusted.allow(code)
        elif not trusted.is_shipped(code):
            self._doubted.add(use)
            trusted.settle(code, resource, until)


def _approved(connection: Connection, codes: set[str]) -> set[str]:
    """Those that a person ever approved, as whichever resource."""
    found: set[str] = set()
    wanted = sorted(codes)
    for start in range(0, len(wanted), _BATCH):
        among = _APPROVALS.c.code.in_(wanted[start : start + _BATCH])
        query = select(_APPROVALS.c.code).where(among, _APPROVALS.c.decision == APPROVED)
        found.update(connection.execute(query.distinct()).scalars())
    return found


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
