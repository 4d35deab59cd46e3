"""Commits as values, what their ids are made of, and reading chains of them from a store.

A commit is one atomic transition of any number of refs. Its id is the digest of its whole
content, parents included, so no commit can be altered without changing every id after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from sqlalchemy import and_, func, insert, literal, select
from sqlalchemy.orm import Session

from agp.canonical import digest
from agp.errors import InputError
from agp.rspl import influences
from agp.rspl.entities import EntityType, ResourceId
from agp.secrets import refuse
from agp.store.tables import ChangeRow, CommitRow, now, table

T = TypeVar("T")

_CHUNK = 400
_LONGEST_WORD = 255
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# Built once: on the way of every commit.
_LAST_SEQ = select(func.max(table(CommitRow).c.seq))
_INSERT_COMMIT = insert(table(CommitRow))
_INSERT_CHANGES = insert(table(ChangeRow))


@dataclass(frozen=True)
class Change:
    """One ref that a commit moved; ``before``/``after`` are digests, None for absent."""

    resource: ResourceId
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Commit:
    """One commit as it is stored; ``merged`` is the second parent of a merge."""

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

    def data(self) -> dict[str, Any]:
        """The same as plain JSON data."""
        changes = [
            {"resource": str(c.resource), "before": c.before, "after": c.after}
            for c in self.changes
        ]
        return {**asdict(self), "changes": changes}

    @property
    def parents(self) -> list[str | None]:
        """What it builds on: its parent (None for the first of a store), then what it merged."""
        return [self.parent, self.merged] if self.merged else [self.parent]


@dataclass(frozen=True)
class Reason:
    """Why a commit is made: who, by which operator, in words, on what evidence."""

    author: str
    operator: str
    message: str
    evidence: dict[str, Any] = field(default_factory=dict[str, Any])
    objective: str | None = None

    def __post_init__(self) -> None:
        checked_text(self.author, "The author", _LONGEST_WORD)
        checked_text(self.operator, "The operator", _LONGEST_WORD)
        checked_text(self.message, "The message")


def checked_text(text: str, what: str, longest: int | None = None) -> str:
    """Return text that every database can hold, else raise InputError."""
    if _UNSTORABLE.search(text):
        raise InputError(f"{what} holds a character that cannot be stored.", hint="Take it out.")
    if longest is not None and len(text) > longest:
        raise InputError(f"{what} is longer than {longest} characters.", hint="Shorten it.")
    return text


def commit_id(
    *,
    branch: str,
    parents: Sequence[str | None],
    reason: Reason,
    created_at: str,
    changes: Iterable[Change],
) -> str:
    """The id of a commit: the digest of everything it says. Raises InputError for non-JSON."""
    return digest(
        {
            "branch": branch,
            "parents": list(parents),
            "author": reason.author,
            "operator": reason.operator,
            "message": reason.message,
            "evidence": reason.evidence,
            "objective": reason.objective,
            "created_at": created_at,
            "changes": [[str(c.resource), c.before, c.after] for c in changes],
        }
    )


def write_commit(
    session: Session,
    branch: str,
    parents: Sequence[str | None],
    changes: Sequence[Change],
    reason: Reason,
) -> Commit:
    """Write a commit and what it changed; moving refs is the caller's. See `commit_id`.

    Raises SecretError where what it says holds a secret.
    """
    refuse(asdict(reason), "The commit")
    connection = session.connection()
    created = now()
    row: dict[str, Any] = {
        "id": commit_id(
            branch=branch, parents=parents, reason=reason, created_at=created, changes=changes
        ),
        "seq": (connection.execute(_LAST_SEQ).scalar() or 0) + 1,
        "branch": branch,
        "parent": parents[0],
        "merged": parents[1] if len(parents) > 1 else None,
        "author": reason.author,
        "operator": reason.operator,
        "message": reason.message,
        "evidence": reason.evidence,
        "objective": reason.objective,
        "created_at": created,
    }
    connection.execute(_INSERT_COMMIT, row)
    rows = [
        {
            "commit": row["id"],
            "type": change.resource.type.value,
            "name": change.resource.name,
            "before": change.before,
            "after": change.after,
        }
        for change in changes
    ]
    if rows:
        connection.execute(_INSERT_CHANGES, rows)
    influences.note(session, [(row["id"], reason.evidence)])
    return Commit(**row, changes=tuple(changes))


def chain_ids(head: str, *, limit: int | None = None) -> Any:
    """A selectable of the ids of a commit and its first parents, at most ``limit`` of them."""
    columns = CommitRow.id, CommitRow.parent
    start = select(*columns, literal(1).label("n")).where(CommitRow.id == head)
    chain = start.cte("chain", recursive=True)
    follows = CommitRow.id == chain.c.parent
    if limit is not None:
        follows = and_(follows, chain.c.n < limit)
    older = select(*columns, chain.c.n + 1).join(chain, follows)
    return select(chain.union_all(older).c.id)


def read_chain(session: Session, head: str, *, limit: int | None = None) -> list[Commit]:
    """A commit and its first parents, newest first."""
    query = select(CommitRow).where(CommitRow.id.in_(chain_ids(head, limit=limit)))
    return with_changes(session, session.scalars(query.order_by(CommitRow.seq.desc())))


def read_chain_of(
    session: Session, head: str, rid: ResourceId, *, limit: int | None = None
) -> list[Commit]:
    """Those of a chain that moved one resource, newest first."""
    moved = select(ChangeRow.commit).where(
        ChangeRow.type == rid.type.value, ChangeRow.name == rid.name
    )
    query = (
        select(CommitRow)
        .where(CommitRow.id.in_(moved), CommitRow.id.in_(chain_ids(head)))
        .order_by(CommitRow.seq.desc())
        .limit(limit)
    )
    return with_changes(session, session.scalars(query))


def refs_at(session: Session, commit: str, *, author: str | None = None) -> dict[ResourceId, str]:
    """What was live just after a commit: the newest change of each resource on its chain.

    With ``author``, only that author's changes count.
    """
    newest = func.row_number().over(
        partition_by=(ChangeRow.type, ChangeRow.name), order_by=CommitRow.seq.desc()
    )
    changes = (
        select(ChangeRow.type, ChangeRow.name, ChangeRow.after, newest.label("age"))
        .join(CommitRow, CommitRow.id == ChangeRow.commit)
        .where(CommitRow.id.in_(chain_ids(commit)))
    )
    if author is not None:
        changes = changes.where(CommitRow.author == author)
    last = changes.subquery()
    query = select(last.c.type, last.c.name, last.c.after).where(
        last.c.age == 1, last.c.after.is_not(None)
    )
    rows = session.execute(query)
    return {ResourceId(EntityType(type_), name): after for type_, name, after in rows}


def with_changes(session: Session, rows: Iterable[CommitRow]) -> list[Commit]:
    """Commits in the order of their rows, each with the refs it moved."""
    rows = list(rows)
    changes: dict[str, list[Change]] = {row.id: [] for row in rows}
    for part in chunks(list(changes)):
        query = select(
            ChangeRow.commit, ChangeRow.type, ChangeRow.name, ChangeRow.before, ChangeRow.after
        ).where(ChangeRow.commit.in_(part))
        ordered = query.order_by(ChangeRow.type, ChangeRow.name)
        for commit, type_, name, before, after in session.execute(ordered):
            changes[commit].append(Change(ResourceId(EntityType(type_), name), before, after))
    return [as_commit(row, sorted(changes[row.id], key=lambda c: c.resource)) for row in rows]


def as_commit(row: CommitRow, changes: Iterable[Change]) -> Commit:
    """A row and its changes as a value."""
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


def chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    """Parts small enough for one statement."""
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
