"""What was last read from files, per branch: how `init` tells a new file from an evolved resource.

A source is the digest of a record as its files declare it, which may differ from what was
committed (an MCP server completes it).
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.orm import Session

from agp.rspl.commits import chunks, refs_at
from agp.rspl.entities import EntityType, ResourceId
from agp.store.tables import BranchRow, ChangeRow, CommitRow, SourceRow

FILES = "files"
"""The author of what came from folders."""


def sources_of(session: Session, branch: str) -> dict[ResourceId, str]:
    """What each resource of a branch was when it was last read from files, by digest."""
    query = select(SourceRow.type, SourceRow.name, SourceRow.digest)
    rows = session.execute(query.where(SourceRow.branch == branch))
    return {ResourceId(EntityType(type_), name): found for type_, name, found in rows}


def note_sources(session: Session, branch: str, found: Mapping[ResourceId, str]) -> None:
    """Note what was read from files, in the transaction that commits it."""
    for part in chunks(list(found)):
        keys = [(rid.type.value, rid.name) for rid in part]
        known = tuple_(SourceRow.type, SourceRow.name).in_(keys)
        session.execute(delete(SourceRow).where(SourceRow.branch == branch, known))
        rows = [
            {"branch": branch, "type": rid.type.value, "name": rid.name, "digest": found[rid]}
            for rid in part
        ]
        session.execute(insert(SourceRow), rows)


def sources_at(session: Session, commit: str) -> dict[ResourceId, str]:
    """The sources as they were at a commit.

    What its own branch has read again since is taken from the history, the rest from the branch.
    """
    then = refs_at(session, commit, author=FILES)
    made_on = select(CommitRow.branch).where(CommitRow.id == commit).scalar_subquery()
    standing = select(BranchRow.name, BranchRow.head).where(
        (BranchRow.head == commit) | (BranchRow.name == made_on)
    )
    rows = sorted(session.execute(standing).all(), key=lambda row: row.head != commit)
    if not rows or rows[0].head is None:
        return then
    since = refs_at(session, rows[0].head, author=FILES)
    now = sources_of(session, rows[0].name)
    return {rid: now.get(rid, was) if since.get(rid) == was else was for rid, was in then.items()}


def merged_sources(session: Session, ours: str, their_head: str) -> dict[ResourceId, str]:
    """What a merged branch has read from files more recently than ``ours``."""
    theirs = session.scalar(select(BranchRow.name).where(BranchRow.head == their_head).limit(1))
    if theirs is None:
        return {}
    here, there = sources_of(session, ours), sources_of(session, theirs)
    return {
        rid: found
        for rid, found in there.items()
        if found != here.get(rid)
        and _last_read(session, theirs, rid) > _last_read(session, ours, rid)
    }


def _last_read(session: Session, branch: str, rid: ResourceId) -> int:
    """The sequence number of the last commit of a branch that read a resource from files."""
    query = (
        select(func.max(CommitRow.seq))
        .join(ChangeRow, ChangeRow.commit == CommitRow.id)
        .where(CommitRow.branch == branch, CommitRow.author == FILES)
        .where(ChangeRow.type == rid.type.value, ChangeRow.name == rid.name)
    )
    return session.scalar(query) or 0
