"""Taking a whole history over as a branch: its commits as they are, ids intact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from agp.audit import log as audit
from agp.audit.entries import COMMIT
from agp.errors import InputError
from agp.rspl import dependencies, influences, search
from agp.rspl.bundle.format import Bundle
from agp.rspl.commits import Commit, refs_at
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.names import check_name
from agp.rspl.sources import FILES
from agp.rspl.upkeep.fsck import walk
from agp.secrets import refuse
from agp.store.tables import BranchRow, ChangeRow, CommitRow, RefRow, SourceRow, TagRow

_WHOLE = "Export everything of the other store: agp bundle export FILE (without RESOURCE)."


def take_branch(session: Session, bundle: Bundle, name: str, author: str) -> int:
    """Let branch ``name`` stand where the bundle's branch stood; how many commits are new here.

    The versions are in the store and named already, and what is live is valid. Raises InputError
    for a bundle without the whole history, a name in use, and a branch that has commits of its
    own, ResourceError where something live lacks what it uses, or uses itself.
    """
    check_name(name, "a branch")
    if session.get(TagRow, name):
        raise InputError(f"There is already a tag {name!r}.", hint="Choose another name.")
    ancestry = _ancestry(bundle)
    branch = session.get(BranchRow, name)
    if branch is not None and branch.head is not None and branch.head not in ancestry:
        raise InputError(
            f"Branch {name!r} has commits that the bundle does not build on.",
            hint="Import it under another name, and merge: agp merge.",
        )
    _check_uses(session, bundle, name)
    new = _insert(session, list(ancestry.values()), bundle.digest, author)
    assert bundle.head is not None
    if branch is not None and branch.head == bundle.head:
        return new
    if branch is None:
        session.execute(insert(BranchRow), {"name": name, "head": bundle.head})
    else:
        branch.head = bundle.head
        session.flush()
    _set_refs(session, bundle, name)
    moved = {"branch": name, "commit": bundle.head, "bundle": bundle.digest}
    audit.append(session, "branch", author, moved)
    return new


def _ancestry(bundle: Bundle) -> dict[str, Commit]:
    """What the exported branch's head builds on, parents first. Raises InputError for gaps."""
    commits = {commit.id: commit for commit in bundle.commits}
    waiting, found = [bundle.head], set[str]()
    while waiting:
        commit_id = waiting.pop()
        if commit_id is None or commit_id in found:
            continue
        if commit_id not in commits:
            raise InputError(
                "This bundle holds only a part of the history, so it cannot be a branch.",
                hint=_WHOLE,
            )
        found.add(commit_id)
        waiting += commits[commit_id].parents
    chosen = {each: commit for each, commit in commits.items() if each in found}
    if not chosen:
        raise InputError("This bundle's branch has no commits.", hint=_WHOLE)
    _consistent(bundle, chosen)
    return chosen


def _consistent(bundle: Bundle, commits: dict[str, Commit]) -> None:
    """Each commit changes what was live before it, to versions that the bundle holds."""
    seen: set[str | None] = {None}
    for commit in commits.values():
        lost = [c for c in commit.changes if c.after and c.after not in bundle.records]
        if lost or not seen.issuperset(commit.parents):
            raise InputError(f"Commit {commit.id[:12]} of the bundle lacks what it names.")
        seen.add(commit.id)
    steps = {each: (commit.parent, list(commit.changes)) for each, commit in commits.items()}
    for commit_id, live, faults in walk(steps):
        if faults:
            raise InputError(f"Commit {commit_id[:12]} of the bundle is not possible: {faults[0]}.")
        told = {str(rid): record.digest for rid, record in bundle.live.items()}
        if commit_id == bundle.head and live != told:
            raise InputError("The bundle's live versions are not what its commits say.")


def _check_uses(session: Session, bundle: Bundle, branch: str) -> None:
    """What is live uses what is live with it: nothing else of the branch will be."""
    query = select(RefRow.type, RefRow.name).where(RefRow.branch == branch)
    there = [ResourceId(EntityType(type_), name) for type_, name in session.execute(query)]
    gone: dict[ResourceId, Record | None] = dict.fromkeys(there)
    dependencies.check(session, branch, {**gone, **bundle.live})


def _insert(session: Session, commits: Sequence[Commit], bundle: str, author: str) -> int:
    """Insert the commits that are not here, in their order, each with its audit entry."""
    known = set(session.scalars(select(CommitRow.id)))
    seq = session.scalar(select(func.max(CommitRow.seq))) or 0
    new = [commit for commit in commits if commit.id not in known]
    rows: list[dict[str, Any]] = []
    for seq_, commit in enumerate(new, start=seq + 1):
        refuse(commit.data(), f"The commit {commit.id[:12]}")
        columns = ("id", "branch", "parent", "merged", "author", "operator", "message")
        row = {name: getattr(commit, name) for name in columns}
        row |= {"evidence": commit.evidence, "objective": commit.objective}
        rows.append({**row, "created_at": commit.created_at, "seq": seq_})
        audit.append(session, COMMIT, author, {"commit": commit.id, "bundle": bundle})
    if rows:
        session.execute(insert(CommitRow), rows)
        influences.note(session, [(commit.id, commit.evidence) for commit in new])
    changes = [
        {**_row(c.resource), "commit": commit.id, "before": c.before, "after": c.after}
        for commit in new
        for c in commit.changes
    ]
    if changes:
        session.execute(insert(ChangeRow), changes)
    return len(new)


def _set_refs(session: Session, bundle: Bundle, branch: str) -> None:
    before = session.scalars(select(RefRow.digest).where(RefRow.branch == branch)).all()
    for table in (RefRow, SourceRow):
        session.execute(delete(table).where(table.branch == branch))
    assert bundle.head is not None
    for table, found in (
        (RefRow, refs_at(session, bundle.head)),
        (SourceRow, refs_at(session, bundle.head, author=FILES)),
    ):
        rows = [{**_row(rid), "branch": branch, "digest": each} for rid, each in found.items()]
        if rows:
            session.execute(insert(table), rows)
    search.drop(session, before)
    search.add(session, bundle.live.values())


def _row(rid: ResourceId) -> dict[str, Any]:
    return {"type": rid.type.value, "name": rid.name}
