"""History: objects, versions, refs and commits in the store, and nothing that rewrites them.

Contract: a commit is one transaction over any number of refs and moves its branch by
compare-and-swap; a version name is given once and never again; nothing here deletes. `commit`
can take part in a caller's transaction, so that a decision and what it decided are one write.
Every commit is in the audit log and in the search index by the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, insert, or_, select, text, tuple_, update
from sqlalchemy.orm import Session

from agp import stop
from agp.audit import log as audit
from agp.errors import ConflictError, InputError, NotFoundError
from agp.recent import Recent
from agp.rspl import search
from agp.rspl.commits import (
    Change,
    Commit,
    Reason,
    chunks,
    read_chain,
    read_chain_of,
    refs_at,
    with_changes,
    write_commit,
)
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.names import Names, check_name
from agp.rspl.objects import Objects, keep, name_versions
from agp.rspl.origins import OPTIMIZER, PERSON, Origin, Origins
from agp.rspl.sources import (
    merged_sources,
    note_sources,
    sources_at,
    sources_of,
)
from agp.rspl.view import View
from agp.store.database import Database
from agp.store.tables import BranchRow, ChangeRow, CommitRow, RefRow, SourceRow, TagRow, table

MAIN = "main"
_SHORTEST_PREFIX = 6
_LIVE_KEPT = 10_000
_FEW = 4
_VIEWS_KEPT = 16
_AUDITED = 1000
"""How many of the resources that a commit moved are named in the audit log."""

# Built once: on the way of every commit and every look-up.
_REFS, _BRANCHES = table(RefRow), table(BranchRow)
_HEAD = select(_BRANCHES.c.head).where(_BRANCHES.c.name == bindparam("branch"))
_INSERT_BRANCH = insert(_BRANCHES)
_MOVE_HEAD = (
    update(_BRANCHES).where(_BRANCHES.c.name == bindparam("branch")).values(head=bindparam("to"))
)
_ON_BRANCH = _REFS.c.branch == bindparam("branch")
_AMONG = tuple_(_REFS.c.type, _REFS.c.name).in_(bindparam("keys", expanding=True))
_LIVE = select(_REFS.c.digest).where(
    _ON_BRANCH, _REFS.c.type == bindparam("type"), _REFS.c.name == bindparam("name")
)
_LIVE_AMONG = select(_REFS.c.type, _REFS.c.name, _REFS.c.digest).where(_ON_BRANCH, _AMONG)
_DELETE_REFS = delete(_REFS).where(_ON_BRANCH, _AMONG)
_POINT_REFS = text(
    "INSERT INTO refs (branch, type, name, digest) VALUES (:branch, :type, :name, :digest) "
    "ON CONFLICT (branch, type, name) DO UPDATE SET digest = excluded.digest"
)


class History:
    """Versions and commits of one store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.origins = Origins(database)
        """Who wrote the code of this store, and so where it runs."""
        self.objects = Objects(database, self.origins)
        self.names = Names(database)
        self.load = self.objects.load
        self.versions = self.objects.versions
        self.version_of = self.objects.version_of
        self.resolve = self.objects.resolve
        self._views: Recent[str, View] = Recent(_VIEWS_KEPT)
        self._live: Recent[tuple[str, ResourceId], tuple[int, str | None]] = Recent(_LIVE_KEPT)

    def keep(
        self, records: Iterable[Record], *, origin: Origin = OPTIMIZER, author: str = "user"
    ) -> None:
        """Store record bodies by digest without making them live (candidates, for the record)."""
        records = list(records)
        with self.database.write() as session:
            self.database.one_at_a_time(session)
            keep(session, records, anew=True)
            self.origins.note(session, records, origin, author)

    # -- branches and views ----------------------------------------------------------------

    def branches(self) -> dict[str, str | None]:
        """Branch name → head commit."""
        with self.database.read() as session:
            rows = session.execute(select(BranchRow.name, BranchRow.head).order_by(BranchRow.name))
            return {row.name: row.head for row in rows}

    def create_branch(self, name: str, *, at: str, author: str = "user") -> None:
        """A new branch standing at a commit. Raises InputError if the name is in use."""
        check_name(name, "a branch")
        at = self.find_commit(at).id
        with self.database.write() as session:
            self.database.one_at_a_time(session)
            if session.get(BranchRow, name) or session.get(TagRow, name):
                raise InputError(
                    f"There is already a branch or a tag {name!r}.", hint="Choose another name."
                )
            session.execute(insert(BranchRow), {"name": name, "head": at})
            _point_refs(session, name, refs_at(session, at))
            search.fill(session, name)
            self.note_sources(name, sources_at(session, at), session)
            audit.append(session, "branch", author, {"branch": name, "commit": at})
            self.origins.moved(session)

    def delete_branch(self, name: str, *, author: str = "user") -> None:
        """Take a branch away; its commits and versions stay. Raises InputError for main."""
        if name == MAIN:
            raise InputError(f"The branch {MAIN!r} cannot be deleted.")
        with self.database.write() as session:
            self.database.one_at_a_time(session)
            row = session.get(BranchRow, name)
            if row is None:
                raise NotFoundError("branch", name, self.branches())
            gone = session.scalars(select(RefRow.digest).where(RefRow.branch == name)).all()
            for table in (RefRow, SourceRow):
                session.execute(delete(table).where(table.branch == name))
            audit.append(session, "branch_deleted", author, {"branch": name, "commit": row.head})
            session.delete(row)
            session.flush()
            search.drop(session, gone)
            self.origins.moved(session)

    def head(self, branch: str) -> str | None:
        """The commit a branch stands at. Raises NotFoundError for an unknown branch."""
        with self.database.read() as session:
            row = session.connection().execute(_HEAD, {"branch": branch}).first()
        if row is None:
            raise NotFoundError("branch", branch, self.branches())
        return row[0]

    def view(self, branch: str = MAIN) -> View:
        """What a branch has live now. Raises NotFoundError for an unknown branch."""
        with self.database.read() as session:
            row = session.connection().execute(_HEAD, {"branch": branch}).first()
            head = row[0] if row else None
            known = self._views.get(branch)
            self.origins.renew(session.connection())
            if row and known and known.commit == head:
                return known
            refs = _refs_of(session, branch)
        if row is None:
            raise NotFoundError("branch", branch, self.branches())
        view = View(refs, self.load, commit=head)
        self._views.put(branch, view)
        return view

    def view_at(self, commit: str) -> View:
        """What was live just after a commit, by id, tag or branch."""
        found = self.find_commit(commit).id
        with self.database.read() as session:
            at = session.scalar(select(BranchRow.name).where(BranchRow.head == found).limit(1))
            refs = _refs_of(session, at) if at else refs_at(session, found)
        return View(refs, self.load, commit=found)

    def live(self, branch: str, rid: ResourceId) -> str | None:
        """The digest a branch has live for one resource; known without a query while nobody wrote.

        An unknown branch has nothing live.
        """
        stamp = self.database.stamp()
        known = self._live.get((branch, rid)) if stamp is not None else None
        if known is not None and known[0] == stamp:
            return known[1]
        asked = {"branch": branch, **_row(rid)}
        with self.database.snapshot() as connection:
            found = connection.execute(_LIVE, asked).scalar()
        if stamp is not None:
            self._live.put((branch, rid), (stamp, found))
        return found

    # -- files -----------------------------------------------------------------------------

    def sources(self, branch: str) -> dict[ResourceId, str]:
        """What each resource of a branch was when it was last read from files, by digest."""
        with self.database.read() as session:
            return sources_of(session, branch)

    def note_sources(self, branch: str, found: Mapping[ResourceId, str], session: Session) -> None:
        """Note what was read from files, in the transaction that commits it."""
        note_sources(session, branch, found)

    # -- commits ---------------------------------------------------------------------------

    def commit(
        self,
        branch: str,
        changes: Mapping[ResourceId, Record | None],
        reason: Reason,
        *,
        expected: str | None,
        base: Mapping[ResourceId, str | None] | None = None,
        merged: str | None = None,
        session: Session | None = None,
        origin: Origin = PERSON,
    ) -> Commit | None:
        """Make ``changes`` live on ``branch`` as one commit; None where nothing would change.

        Parameters: ``changes`` resource → its new record, None to take it out of the active
        registry; ``expected`` the head this was built on; ``base``, instead, what the changed
        refs were then: a branch that moved elsewhere is no conflict, and the change is applied on
        its new head; ``merged`` the other parent of a merge, which is a commit even without
        changes; ``origin`` who wrote the code that is new in them: what a person did not write
        runs confined. Raises ConflictError when the branch, or one of ``base``, has moved.
        """
        if session is None:
            with self.database.write() as session:
                return self.commit(
                    branch,
                    changes,
                    reason,
                    expected=expected,
                    base=base,
                    merged=merged,
                    session=session,
                    origin=origin,
                )
        self.database.one_at_a_time(session)  # sequence and version numbers are given here
        connection = session.connection()
        rows = connection.execute(_HEAD, {"branch": branch}).all()
        head = rows[0].head if rows else None
        before = _live_digests(session, branch, list(changes))
        if base is None and head != expected:
            raise ConflictError(branch, expected, head)
        for rid, was in (base or {}).items():
            if before.get(rid) != was:
                raise ConflictError(branch, _brought(session, rid, was), head)
        moved = _moved(before, changes)
        if not moved and merged is None:
            return None
        stop.committing(session)
        if not rows:
            self._begin(session, branch)
        parents = [head, merged] if merged else [head]
        commit = write_commit(session, branch, parents, moved, reason)
        self._activate(session, branch, moved, changes)
        brought = [record for c in moved if (record := changes[c.resource]) is not None]
        self.origins.note(session, brought, origin, reason.author)
        self.origins.changed(session, [(c.before, changes[c.resource]) for c in moved])
        if merged is not None:
            self.note_sources(branch, merged_sources(session, branch, merged), session)
        connection.execute(_MOVE_HEAD, {"branch": branch, "to": commit.id})
        audit.append(session, "commit", reason.author, _audited(commit))
        return commit

    def _begin(self, session: Session, branch: str) -> None:
        """The first branch of a store; any other is made by `create_branch` only."""
        known = session.scalars(select(BranchRow.name)).all()
        if known:
            raise NotFoundError("branch", branch, known, hint="Make it: agp branch create NAME")
        row = {"name": check_name(branch, "a branch"), "head": None}
        session.connection().execute(_INSERT_BRANCH, row)

    def _activate(
        self,
        session: Session,
        branch: str,
        moved: Sequence[Change],
        changes: Mapping[ResourceId, Record | None],
    ) -> None:
        for part in chunks(moved):
            records = [record for c in part if (record := changes[c.resource]) is not None]
            keep(session, records)
            live = {c.resource: c.after for c in part if c.after}
            _point_refs(session, branch, live)
            if gone := _keys(c.resource for c in part if not c.after):
                session.connection().execute(_DELETE_REFS, {"branch": branch, "keys": gone})
            name_versions(session, list(live.items()))
            search.drop(session, [c.before for c in part if c.before])
            search.add(session, records)

    def log(
        self, branch: str = MAIN, resource: ResourceId | None = None, limit: int | None = None
    ) -> list[Commit]:
        """Commits of a branch, newest first, optionally only those that moved one resource."""
        head = self.head(branch)
        if head is None:
            return []
        with self.database.read() as session:
            if resource is not None:
                return read_chain_of(session, head, resource, limit=limit)
            return read_chain(session, head, limit=limit)

    def chain(self, commit: str) -> list[Commit]:
        """A commit and its first parents, newest first."""
        with self.database.read() as session:
            return read_chain(session, commit)

    def find_commit(self, text: str) -> Commit:
        """The commit that a tag, a branch, or ≥ 6 digits of an id name. Raises NotFoundError."""
        tag = select(TagRow.commit).where(TagRow.name == text)
        branch = select(BranchRow.head).where(BranchRow.name == text)
        ids: list[ColumnElement[bool]] = [CommitRow.id.in_(tag), CommitRow.id.in_(branch)]
        if len(text) >= _SHORTEST_PREFIX:
            ids.append(CommitRow.id.startswith(text.lower(), autoescape=True))
        with self.database.read() as session:
            rows: list[CommitRow] = []
            if "\x00" not in text:  # PostgreSQL has no such text
                rows = list(session.scalars(select(CommitRow).where(or_(*ids)).limit(2)))
            if len(rows) != 1:
                raise NotFoundError(
                    "commit", text, hint="Name it by id, tag or branch; see: agp log"
                )
            return with_changes(session, rows)[0]


def _brought(session: Session, rid: ResourceId, digest: str | None) -> str | None:
    """The newest commit that made a version live."""
    query = (
        select(CommitRow.id)
        .join(ChangeRow, ChangeRow.commit == CommitRow.id)
        .where(ChangeRow.type == rid.type.value, ChangeRow.name == rid.name)
        .where(ChangeRow.after == digest)
    )
    return session.scalar(query.order_by(CommitRow.seq.desc()).limit(1))


def _audited(commit: Commit) -> dict[str, Any]:
    """What the audit log says of a commit; its id vouches for the rest."""
    return {
        "commit": commit.id,
        "seq": commit.seq,
        "branch": commit.branch,
        "operator": commit.operator,
        "message": commit.message,
        "objective": commit.objective,
        "resources": [str(change.resource) for change in commit.changes[:_AUDITED]],
        "changes": len(commit.changes),
    }


def _moved(
    before: Mapping[ResourceId, str], changes: Mapping[ResourceId, Record | None]
) -> list[Change]:
    after = {rid: record.digest if record else None for rid, record in changes.items()}
    moved = [rid for rid in sorted(changes) if before.get(rid) != after[rid]]
    return [Change(rid, before.get(rid), after[rid]) for rid in moved]


def _live_digests(
    session: Session, branch: str, wanted: Sequence[ResourceId]
) -> dict[ResourceId, str]:
    found: dict[ResourceId, str] = {}
    if len(wanted) <= _FEW:  # point queries are cheaper than composing one for all
        connection = session.connection()
        for rid in wanted:
            if digest := connection.execute(_LIVE, {"branch": branch, **_row(rid)}).scalar():
                found[rid] = digest
        return found
    for part in chunks(wanted):
        asked = {"branch": branch, "keys": _keys(part)}
        for type_, name, digest in session.connection().execute(_LIVE_AMONG, asked):
            found[ResourceId(EntityType(type_), name)] = digest
    return found


def _refs_of(session: Session, branch: str) -> dict[ResourceId, str]:
    query = select(RefRow.type, RefRow.name, RefRow.digest).where(RefRow.branch == branch)
    rows = session.execute(query)
    return {ResourceId(EntityType(type_), name): digest for type_, name, digest in rows}


def _point_refs(session: Session, branch: str, refs: Mapping[ResourceId, str]) -> None:
    rows = [{**_row(rid), "branch": branch, "digest": found} for rid, found in refs.items()]
    if rows:
        session.connection().execute(_POINT_REFS, rows)


def _row(rid: ResourceId) -> dict[str, Any]:
    return {"type": rid.type.value, "name": rid.name}


def _keys(rids: Iterable[ResourceId]) -> list[tuple[str, str]]:
    return [(rid.type.value, rid.name) for rid in rids]
