"""Checking a store: everything it says of itself is derived again and compared.

Contract: only reading, of one consistent state; whatever was done to the rows comes out as a
finding, never as an exception. Bodies are streamed; commit ids and changes are held in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, cast, func, select, text
from sqlalchemy.orm import Session

from agp.audit.checks import check_store
from agp.rspl import search
from agp.rspl.commits import Change, Reason, commit_id
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.upkeep.bodies import MALFORMED, check_bodies, first_line
from agp.rspl.upkeep.columns import check_columns
from agp.rspl.upkeep.decisions import check_decisions
from agp.rspl.upkeep.links import check_links
from agp.rspl.upkeep.numbers import check_numbers
from agp.rspl.upkeep.replay import check_names, replay
from agp.store.database import Database
from agp.store.failures import FAILURES
from agp.store.tables import (
    BranchRow,
    ChangeRow,
    CommitRow,
    DocumentRow,
    EventRow,
    RefRow,
)

Progress = Callable[[str, int], None]
"""Told what is being checked and how many of it were checked so far."""

_BATCH = 500
_RESTORE = "Restore a backup, or take the version in again from a bundle (agp bundle import)."
_BACKUP = "The history was changed from outside agp. Restore a backup."
_MOVED = "It was moved from outside agp. Move it back with agp, or restore a backup."


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: in which part of the store, with what, and what to do."""

    part: str
    where: str
    fault: str
    remedy: str


def check(database: Database, progress: Progress | None = None) -> list[Finding]:
    """Everything that is wrong with a store; an empty list for a clean one.

    Parameters: ``progress`` is called now and then. Raises StoreError only where the store
    cannot be reached at all.
    """
    return list(findings(database, progress or (lambda _what, _done: None)))


def findings(database: Database, progress: Progress) -> Iterator[Finding]:
    """What is wrong with a store, as it is found; see `check`."""
    parts: tuple[Callable[[Session, Progress], Iterator[Finding]], ...] = (
        *((_pages, _types) if database.dialect == "sqlite" else ()),
        _objects,
        _history,
        _links,
        _names,
        _decisions,
        _runs,
        _audit,
        *((_search,) if not database.read_only else ()),  # the index checks itself by a write
    )
    with database.read() as session:
        for part in parts:
            try:
                yield from part(session, progress)
            except FAILURES as error:  # the transaction is of no use any more
                fault = f"it cannot be read: {first_line(error)}"
                yield Finding("file", database.shown, fault, "Restore a backup.")
                return
            except MALFORMED as error:  # a value that no agp writes; `_types` names it
                name = part.__name__.strip("_")
                fault = f"it cannot be compared: {first_line(error)}"
                yield Finding(name, "a value in it", fault, "Restore a backup.")


def _pages(session: Session, progress: Progress) -> Iterator[Finding]:
    """SQLite's own check of the file."""
    progress("file", 0)
    for fault in session.scalars(text("PRAGMA integrity_check")):
        if fault != "ok":
            yield Finding("file", "the database file", str(fault), "Restore a backup.")


def _types(session: Session, progress: Progress) -> Iterator[Finding]:
    progress("columns", 0)
    for column, fault in check_columns(session):
        yield Finding("file", column, fault, _BACKUP)


def _objects(session: Session, progress: Progress) -> Iterator[Finding]:
    for where, fault in check_bodies(session, lambda done: progress("objects", done)):
        yield Finding("objects", where, fault, _RESTORE)


# -- commits -------------------------------------------------------------------------------


def _history(session: Session, progress: Progress) -> Iterator[Finding]:
    changes = yield from _commits(session, progress)
    yield from _branches(session, progress, changes)


Changes = dict[str, tuple[str | None, list[Change]]]
"""Commit → its first parent, and its changes."""


def _commits(session: Session, progress: Progress) -> Generator[Finding, None, Changes]:
    evidence = cast(CommitRow.evidence, Text)
    columns = [c for c in CommitRow.__table__.c if c.name != "evidence"]
    query = select(*columns, evidence.label("evidence")).order_by(CommitRow.seq)
    seen: Changes = {}
    for rows in session.execute(query.execution_options(yield_per=_BATCH)).partitions():
        changes = _changes_of(session, [row.id for row in rows])
        for row in rows:
            for fault in _commit_faults(row, changes.get(row.id, []), seen):
                yield Finding("commits", f"commit {row.id[:12]}", fault, _BACKUP)
            readable = [c for c in (_change(*each) for each in changes.get(row.id, [])) if c]
            seen[row.id] = (row.parent, readable)
        progress("commits", len(seen))
    return seen


_RawChange = tuple[str, str, str | None, str | None]


def _changes_of(session: Session, commits: Sequence[str]) -> dict[str, list[_RawChange]]:
    query = select(
        ChangeRow.commit, ChangeRow.type, ChangeRow.name, ChangeRow.before, ChangeRow.after
    ).where(ChangeRow.commit.in_(commits))
    found: dict[str, list[_RawChange]] = {}
    for commit, type_, name, before, after in session.execute(query):
        found.setdefault(commit, []).append((type_, name, before, after))
    return found


def _change(type_: str, name: str, before: str | None, after: str | None) -> Change | None:
    if type_ not in list(EntityType):
        return None
    return Change(ResourceId(EntityType(type_), name), before, after)


def _commit_faults(row: Any, changes: list[_RawChange], seen: Changes) -> Iterator[str]:
    parents = [row.parent, row.merged] if row.merged else [row.parent]
    for parent in parents:
        if parent is not None and parent not in seen:
            yield f"it builds on {parent[:12]}, which is missing or comes after it"
    found = [_change(*each) for each in changes]
    try:
        reason = Reason(
            row.author, row.operator, row.message, json.loads(row.evidence), row.objective
        )
        expected = commit_id(
            branch=row.branch,
            parents=parents,
            reason=reason,
            created_at=row.created_at,
            changes=sorted((c for c in found if c), key=lambda c: c.resource),
        )
    except MALFORMED as error:
        yield f"it cannot be read: {first_line(error)}"
        return
    if expected != row.id or None in found:
        yield "its content does not match its id"


def _branches(session: Session, progress: Progress, commits: Changes) -> Iterator[Finding]:
    """Walk the tree of first parents once, with what is live at each commit, and compare."""
    heads: dict[str, list[str]] = {}
    for name, head in session.execute(select(BranchRow.name, BranchRow.head)):
        if head is not None and head not in commits:
            yield Finding("branches", name, f"its head {head[:12]} does not exist", _BACKUP)
        elif head is not None:
            heads.setdefault(head, []).append(name)
        elif session.scalar(select(func.count()).where(RefRow.branch == name)):
            yield Finding("branches", name, "it has refs, but no commit", _BACKUP)
    progress("branches", len(heads))
    for commit, live, faults in walk(commits):
        for fault in faults:
            yield Finding("commits", f"commit {commit[:12]}", fault, _BACKUP)
        for branch in heads.get(commit, []):
            query = select(RefRow.type, RefRow.name, RefRow.digest).where(RefRow.branch == branch)
            refs = {f"{type_}/{name}": digest for type_, name, digest in session.execute(query)}
            for name in sorted({name for name, _ in refs.items() ^ live.items()}):
                fault = f"its live version of {name} is not what its commits say"
                yield Finding("branches", branch, fault, _BACKUP)


def walk(commits: Changes) -> Iterator[tuple[str, dict[str, str], list[str]]]:
    """Each commit with what was live after it, and where its changes began from something else.

    What was live is one dict that is carried along: applied going down, undone coming back.
    """
    children: dict[str | None, list[str]] = {}
    for commit, (parent, _) in commits.items():
        children.setdefault(parent if parent in commits else None, []).append(commit)
    live: dict[str, str] = {}
    waiting = [(commit, False) for commit in children.get(None, [])]
    while waiting:
        commit, leaving = waiting.pop()
        changes = commits[commit][1]
        if leaving:
            _apply(live, ((c.resource, c.before) for c in changes))
            continue
        begun = [c for c in changes if live.get(str(c.resource)) != c.before]
        _apply(live, ((c.resource, c.after) for c in changes))
        yield commit, live, [f"{c.resource} was not live as it says" for c in begun]
        waiting.append((commit, True))
        waiting += [(child, False) for child in children.get(commit, [])]


def _apply(live: dict[str, str], values: Iterator[tuple[ResourceId, str | None]]) -> None:
    for rid, digest in values:
        if digest is None:
            live.pop(str(rid), None)
        else:
            live[str(rid)] = digest


# -- the rest ------------------------------------------------------------------------------


def _links(session: Session, progress: Progress) -> Iterator[Finding]:
    progress("names", 0)
    for part, where, fault in check_links(session):
        yield Finding(part, where, fault, _BACKUP)


def _names(session: Session, progress: Progress) -> Iterator[Finding]:
    """Names against the log of who gave them, version names against the history."""
    progress("versions", 0)
    told = replay(session)
    for name, fault in check_names(session, told):
        yield Finding("names", name, fault, _MOVED)
    for resource, fault in check_numbers(session, told.named):
        yield Finding("versions", resource, fault, _BACKUP)


def _decisions(session: Session, progress: Progress) -> Iterator[Finding]:
    progress("decisions on code", 0)
    for code, fault in check_decisions(session):
        yield Finding("approvals", f"code {code}", fault, _BACKUP)


def _runs(session: Session, progress: Progress) -> Iterator[Finding]:
    progress("runs", 0)
    count, last = func.count(), func.max(EventRow.seq)
    query = select(EventRow.run).group_by(EventRow.run)
    for run in session.scalars(query.having((func.min(EventRow.seq) != 1) | (last != count))):
        yield Finding("runs", run, "its journal has a gap: it cannot be resumed", _BACKUP)


def _audit(session: Session, progress: Progress) -> Iterator[Finding]:
    """The log's chain, and that it tells of every commit; not whether its writers are trusted."""
    progress("audit log", 0)
    for found in check_store(session, vouched=set()).findings:
        if found.what != "writer":
            where = "the audit log" if found.seq is None else f"entry {found.seq}"
            yield Finding("audit", where, found.message, "See: agp audit verify")


def _search(session: Session, progress: Progress) -> Iterator[Finding]:
    progress("search", 0)
    if session.scalar(select(DocumentRow.id).limit(1)) is None:
        return  # a store of an agp without search is indexed with its next commit
    try:
        faults = search.check(session)
    except MALFORMED as error:  # of a version that `_objects` names
        faults = [f"the search index cannot be compared: {first_line(error)}"]
    for fault in faults:
        yield Finding("search", "the search index", fault, "Rebuild it: agp search --rebuild")
