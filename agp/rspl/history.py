"""History: objects, versions, refs and commits in the store, and nothing that rewrites them.

Contract: a commit is one transaction over any number of refs and moves its branch by
compare-and-swap; a version name is given once and never again; nothing here deletes. `commit`
can take part in a caller's transaction, so that a decision and what it decided are one write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from agp.canonical import canonical_json, digest
from agp.errors import ConflictError, InputError, NotFoundError, StoreError
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.view import View
from agp.store.database import Database, insert_new
from agp.store.tables import (
    BranchRow,
    ChangeRow,
    CommitRow,
    ObjectRow,
    RefRow,
    SourceRow,
    VersionRow,
    now,
)

MAIN = "main"
FILES = "files"
"""The author of what came from folders."""


@dataclass(frozen=True)
class Change:
    """One ref that a commit moved; ``before``/``after`` are digests, None for absent."""

    resource: ResourceId
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Commit:
    """One commit as it is stored."""

    id: str
    seq: int
    branch: str
    parent: str | None
    merged: str | None
    author: str
    operator: str
    message: str
    evidence: dict[str, Any]
    objective: str | None
    created_at: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Reason:
    """Why a commit is made: who, by which operator, in words, on what evidence."""

    author: str
    operator: str
    message: str
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])
    objective: str | None = None


class History:
    """Versions and commits of one store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.load = lru_cache(maxsize=4096)(self._load)

    # -- objects and versions --------------------------------------------------------------

    def keep(self, records: Iterable[Record], session: Session | None = None) -> None:
        """Store record bodies by digest without making them live (candidates, for the record)."""
        if session is None:
            with self.database.write() as session:
                self.keep(records, session)
            return
        for record in records:
            row = {
                "digest": record.digest,
                "type": record.type.value,
                "name": record.name,
                "body": canonical_json(record.body()).decode(),
                "created_at": now(),
            }
            insert_new(session, ObjectRow, row)

    def _load(self, wanted: str) -> Record:
        with self.database.read() as session:
            body = session.scalar(select(ObjectRow.body).where(ObjectRow.digest == wanted))
        if body is None:
            raise StoreError(f"The store holds no version with digest {wanted[:12]}.")
        record = Record.model_validate(json.loads(body))
        if record.digest != wanted:
            raise StoreError(
                f"{record.id}: the stored content does not match its digest {wanted[:12]}.",
                hint="The store was changed from outside. Restore a backup.",
            )
        return record

    def versions(self, rid: ResourceId) -> list[tuple[str, str]]:
        """All committed versions, oldest first, as (semver, digest)."""
        query = (
            select(VersionRow.semver, VersionRow.digest)
            .where(VersionRow.type == rid.type.value, VersionRow.name == rid.name)
            .order_by(VersionRow.number)
        )
        with self.database.read() as session:
            return [(semver, found) for semver, found in session.execute(query)]

    def version_of(self, wanted: str) -> str | None:
        """The semver that names a digest; None for a candidate that was never committed."""
        query = select(VersionRow.semver).where(VersionRow.digest == wanted)
        with self.database.read() as session:
            return session.scalar(query)

    def resolve(self, rid: ResourceId, version: str) -> str:
        """The digest that ``version`` (semver, or ≥ 6 digits of a digest) names.

        Raises NotFoundError that lists the versions there are.
        """
        versions = self.versions(rid)
        for semver, found in versions:
            if semver == version or (len(version) >= 6 and found.startswith(version)):
                return found
        raise NotFoundError(f"version of {rid}", version, [semver for semver, _ in versions])

    # -- branches and views ----------------------------------------------------------------

    def branches(self) -> dict[str, str | None]:
        """Branch name → head commit."""
        with self.database.read() as session:
            return {row.name: row.head for row in session.scalars(select(BranchRow))}

    def create_branch(self, name: str, *, at: str) -> None:
        """A new branch standing at a commit. Raises InputError if it exists already."""
        refs = self._refs_at(at)
        read = {
            change.resource: change.after
            for past in reversed(self._chain(at))
            for change in past.changes
            if past.author == FILES and change.after
        }
        with self.database.write() as session:
            if session.get(BranchRow, name):
                raise InputError(f"There is already a branch {name!r}.")
            session.add(BranchRow(name=name, head=at))
            session.flush()
            for rid, found in refs.items():
                session.add(RefRow(branch=name, type=rid.type.value, name=rid.name, digest=found))
            self.note_sources(name, read, session)

    def view(self, branch: str = MAIN) -> View:
        """What a branch has live now. Raises NotFoundError for an unknown branch."""
        with self.database.read() as session:
            row = session.get(BranchRow, branch)
            rows = session.scalars(select(RefRow).where(RefRow.branch == branch)).all()
            head = row.head if row else None
            refs = {ResourceId(EntityType(r.type), r.name): r.digest for r in rows}
        if row is None:
            raise NotFoundError("branch", branch, self.branches())
        return View(refs, self.load, commit=head)

    def view_at(self, commit: str) -> View:
        """What was live just after a commit."""
        commit = self.find_commit(commit).id
        return View(self._refs_at(commit), self.load, commit=commit)

    def _refs_at(self, commit: str) -> dict[ResourceId, str]:
        refs: dict[ResourceId, str] = {}
        for past in reversed(self._chain(commit)):
            for change in past.changes:
                if change.after is None:
                    refs.pop(change.resource, None)
                else:
                    refs[change.resource] = change.after
        return refs

    # -- files -----------------------------------------------------------------------------

    def sources(self, branch: str) -> dict[ResourceId, str]:
        """What each resource of a branch was when it was last read from files, by digest."""
        with self.database.read() as session:
            rows = session.scalars(select(SourceRow).where(SourceRow.branch == branch))
            return {ResourceId(EntityType(r.type), r.name): r.digest for r in rows}

    def note_sources(self, branch: str, found: Mapping[ResourceId, str], session: Session) -> None:
        """Note what was read from files, in the transaction that commits it."""
        for rid, digest_ in found.items():
            row = SourceRow(branch=branch, type=rid.type.value, name=rid.name, digest=digest_)
            session.merge(row)

    # -- commits ---------------------------------------------------------------------------

    def commit(
        self,
        branch: str,
        changes: Mapping[ResourceId, Record | None],
        reason: Reason,
        *,
        expected: str | None,
        session: Session | None = None,
    ) -> Commit | None:
        """Make ``changes`` live on ``branch`` as one commit; None where nothing would change.

        Parameters: ``changes`` resource → its new record, None to take it out of the active
        registry; ``expected`` the head this was built on. Raises ConflictError when the branch
        has moved, naming both commits.
        """
        if session is None:
            with self.database.write() as session:
                return self.commit(branch, changes, reason, expected=expected, session=session)
        self.database.one_at_a_time(session)  # sequence and version numbers are given here
        row = session.get(BranchRow, branch)
        head = row.head if row else None
        if head != expected:
            raise ConflictError(branch, expected, head)
        if row is None:
            session.add(BranchRow(name=branch, head=None))
            session.flush()
        moved = self._moved(session, branch, changes)
        if not moved:
            return None
        self.keep((r for r in changes.values() if r is not None), session)
        commit = self._write_commit(session, branch, head, moved, reason)
        for change in moved:
            self._move_ref(session, branch, change)
        swap = update(BranchRow).where(BranchRow.name == branch, BranchRow.head.is_(head))
        if head is not None:
            swap = update(BranchRow).where(BranchRow.name == branch, BranchRow.head == head)
        if session.execute(swap.values(head=commit.id)).rowcount != 1:  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]
            raise ConflictError(branch, expected, None)
        return commit

    def _moved(
        self, session: Session, branch: str, changes: Mapping[ResourceId, Record | None]
    ) -> list[Change]:
        moved: list[Change] = []
        for rid in sorted(changes):
            ref = session.get(RefRow, (branch, rid.type.value, rid.name))
            before, record = ref.digest if ref else None, changes[rid]
            after = record.digest if record else None
            if before != after:
                moved.append(Change(rid, before, after))
        return moved

    def _write_commit(
        self, session: Session, branch: str, head: str | None, moved: list[Change], reason: Reason
    ) -> Commit:
        created = now()
        content = {
            "branch": branch,
            "parents": [head],
            "author": reason.author,
            "operator": reason.operator,
            "message": reason.message,
            "evidence": reason.evidence,
            "objective": reason.objective,
            "created_at": created,
            "changes": [[str(c.resource), c.before, c.after] for c in moved],
        }
        row = CommitRow(
            id=digest(content),
            seq=(session.scalar(select(func.max(CommitRow.seq))) or 0) + 1,
            branch=branch,
            parent=head,
            merged=None,
            author=reason.author,
            operator=reason.operator,
            message=reason.message,
            evidence=reason.evidence,
            objective=reason.objective,
            created_at=created,
        )
        session.add(row)
        session.flush()
        for change in moved:
            rid = change.resource
            session.add(
                ChangeRow(
                    commit=row.id,
                    type=rid.type.value,
                    name=rid.name,
                    before=change.before,
                    after=change.after,
                )
            )
        return _commit(row, moved)

    def _move_ref(self, session: Session, branch: str, change: Change) -> None:
        rid = change.resource
        ref = session.get(RefRow, (branch, rid.type.value, rid.name))
        if change.after is None:
            session.delete(ref)
            return
        if ref is None:
            row = RefRow(branch=branch, type=rid.type.value, name=rid.name, digest=change.after)
            session.add(row)
        else:
            ref.digest = change.after
        self._name_version(session, rid, change.after)
        session.flush()

    def _name_version(self, session: Session, rid: ResourceId, named: str) -> None:
        if session.scalar(select(VersionRow.digest).where(VersionRow.digest == named)):
            return
        newest = session.scalar(
            select(func.max(VersionRow.number)).where(
                VersionRow.type == rid.type.value, VersionRow.name == rid.name
            )
        )
        number = 0 if newest is None else newest + 1
        session.add(
            VersionRow(
                type=rid.type.value,
                name=rid.name,
                number=number,
                semver=f"1.0.{number}",
                digest=named,
            )
        )

    def log(
        self, branch: str = MAIN, resource: ResourceId | None = None, limit: int | None = None
    ) -> list[Commit]:
        """Commits of a branch, newest first, optionally only those that moved one resource."""
        head = self.branches().get(branch)
        if head is None and branch not in self.branches():
            raise NotFoundError("branch", branch, self.branches())
        commits = self._chain(head) if head else []
        if resource is not None:
            commits = [c for c in commits if any(x.resource == resource for x in c.changes)]
        return commits[:limit]

    def find_commit(self, prefix: str) -> Commit:
        """The commit whose id starts with ``prefix`` (≥ 6 digits). Raises NotFoundError."""
        query = select(CommitRow).where(CommitRow.id.startswith(prefix, autoescape=True))
        with self.database.read() as session:
            rows = list(session.scalars(query.limit(2)))
            if len(prefix) < 6 or len(rows) != 1:
                raise NotFoundError("commit", prefix, hint="See them with: agp log")
            return self._with_changes(session, rows)[0]

    def _chain(self, head: str) -> list[Commit]:
        """A commit and its first parents, newest first."""
        start = select(CommitRow.id, CommitRow.parent).where(CommitRow.id == head)
        chain = start.cte("chain", recursive=True)
        older = select(CommitRow.id, CommitRow.parent).join(chain, CommitRow.id == chain.c.parent)
        chain = chain.union_all(older)
        query = select(CommitRow).where(CommitRow.id.in_(select(chain.c.id)))
        with self.database.read() as session:
            rows = session.scalars(query.order_by(CommitRow.seq.desc())).all()
            return self._with_changes(session, rows)

    def _with_changes(self, session: Session, rows: Iterable[CommitRow]) -> list[Commit]:
        rows = list(rows)
        changes: dict[str, list[Change]] = {row.id: [] for row in rows}
        for part in _chunks(list(changes), 500):
            query = select(ChangeRow).where(ChangeRow.commit.in_(part))
            for change in session.scalars(query.order_by(ChangeRow.type, ChangeRow.name)):
                rid = ResourceId(EntityType(change.type), change.name)
                changes[change.commit].append(Change(rid, change.before, change.after))
        return [_commit(row, changes[row.id]) for row in rows]


def _commit(row: CommitRow, changes: list[Change]) -> Commit:
    return Commit(
        id=row.id,
        seq=row.seq,
        branch=row.branch,
        parent=row.parent,
        merged=row.merged,
        author=row.author,
        operator=row.operator,
        message=row.message,
        evidence=row.evidence,
        objective=row.objective,
        created_at=row.created_at,
        changes=tuple(changes),
    )


def _chunks(items: list[str], size: int) -> Iterable[list[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))
