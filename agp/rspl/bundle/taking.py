"""Taking a bundle into a store: all of it in one transaction, or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from agp.audit import log as audit
from agp.rspl import dependencies
from agp.rspl.bundle.branches import take_branch
from agp.rspl.bundle.format import Bundle, Version
from agp.rspl.bundle.reading import read_bundle
from agp.rspl.commits import Commit, Reason
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import MAIN, History
from agp.rspl.kinds import KINDS
from agp.rspl.objects import keep, name_versions
from agp.rspl.origins import IMPORT
from agp.secrets import unresolved
from agp.store.tables import AliasRow, BranchRow, ObjectRow, VersionRow, now

OPERATOR = "import"
AUDITED = 1000
"""How many of the resources whose versions an import named are in its audit entry."""
_BATCH = 400
_EVIDENCE_COMMITS = 50


@dataclass(frozen=True)
class Renamed:
    """A version that has another name here than where the bundle was made."""

    resource: ResourceId
    digest: str
    there: str
    here: str


@dataclass(frozen=True)
class Imported:
    """What an import added: counts of what is new here, and the commit that made it live.

    ``commits`` counts commits taken over as they are, with ``as_branch`` only.
    """

    digest: str
    objects: int
    versions: int
    aliases: int
    commits: int
    renamed: list[Renamed] = field(default_factory=list[Renamed])
    commit: Commit | None = None


class _DryRunError(Exception):
    """Ends a transaction that is not meant to be carried out, with what it would have done."""

    def __init__(self, done: Imported) -> None:
        super().__init__()
        self.done = done


def import_bundle(
    history: History,
    path: Path,
    *,
    branch: str = MAIN,
    activate: bool = True,
    author: str = "user",
    as_branch: str | None = None,
    dry_run: bool = False,
) -> Imported:
    """Take a bundle into a store. Importing it again changes nothing.

    A version keeps its name where the resource is new here; a version that is here already keeps
    the name it has here; any other gets the next free name. Aliases that exist here stay where
    they are.

    Parameters: ``branch`` where the bundle's live versions become live, as one commit, unless
    ``activate`` is False; ``as_branch`` take the exported branch over with all its commits
    instead, under this name (a branch that is there is moved forward, if it only has commits
    that the bundle builds on); ``dry_run`` only says what would happen. Raises InputError for a
    file that is not the very bundle that was exported, ResourceError where something live would
    lack what it uses; nothing is written then.
    """
    bundle = read_bundle(path)
    history.origins.meet(bundle.records.values(), IMPORT)
    if activate or as_branch is not None:
        with unresolved():
            for record in bundle.live.values():
                KINDS[record.type].validate(record)
    try:
        with history.database.write() as session:
            history.database.one_at_a_time(session)
            done = _take(history, session, bundle, branch if activate else None, author, as_branch)
            if dry_run:
                raise _DryRunError(done)
            return done
    except _DryRunError as end:
        return end.done


def _take(
    history: History,
    session: Session,
    bundle: Bundle,
    branch: str | None,
    author: str,
    as_branch: str | None,
) -> Imported:
    objects = _keep(session, bundle)
    history.origins.note(session, bundle.records.values(), IMPORT, author)
    named, renamed = _name(session, bundle.versions)
    versions, aliases = len(named), _point(session, bundle, author)
    commits, commit = 0, None
    if as_branch is not None:
        commits = take_branch(session, bundle, as_branch, author)
        history.origins.moved(session)
    elif branch is not None and bundle.live:
        commit = _activate(history, session, bundle, branch, author)
    done = Imported(bundle.digest, objects, versions, aliases, commits, renamed, commit)
    if objects or versions or aliases or commits or commit:
        payload = {"bundle": bundle.digest, "objects": objects, "versions": versions}
        payload |= {"aliases": aliases, "commits": commits, "branch": as_branch or branch}
        resources = sorted({str(each.resource) for each in named})
        payload |= {"named": resources[:AUDITED], "resources": len(resources)}
        audit.append(session, OPERATOR, author, payload)
    return done


def _keep(session: Session, bundle: Bundle) -> int:
    wanted = list(bundle.records)
    new = 0
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        query = select(ObjectRow.digest).where(ObjectRow.digest.in_(part))
        known = set(session.scalars(query))
        records = [bundle.records[each] for each in part if each not in known]
        keep(session, records)
        new += len(records)
    return new


def _name(session: Session, versions: list[Version]) -> tuple[list[Version], list[Renamed]]:
    """Give every version a name; which got one now, and which differ from the bundle's."""
    before = _names(session, versions)
    known = {
        (type_, name)
        for type_, name in session.execute(select(VersionRow.type, VersionRow.name).distinct())
    }
    unnamed = [each for each in versions if each.digest not in before]
    as_told = [e for e in unnamed if (e.resource.type.value, e.resource.name) not in known]
    rows: list[dict[str, Any]] = [
        {
            "type": each.resource.type.value,
            "name": each.resource.name,
            "number": each.number,
            "semver": each.semver,
            "digest": each.digest,
        }
        for each in as_told
    ]
    if rows:
        session.execute(insert(VersionRow), rows)
    anew = [(e.resource, e.digest) for e in unnamed if e not in as_told]
    for start in range(0, len(anew), _BATCH):
        name_versions(session, anew[start : start + _BATCH])
    here = _names(session, versions)
    renamed = [
        Renamed(each.resource, each.digest, each.semver, here[each.digest])
        for each in versions
        if here[each.digest] != each.semver
    ]
    return unnamed, renamed


def _names(session: Session, versions: list[Version]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(versions), _BATCH):
        part = [each.digest for each in versions[start : start + _BATCH]]
        query = select(VersionRow.digest, VersionRow.semver).where(VersionRow.digest.in_(part))
        found |= {row[0]: row[1] for row in session.execute(query)}
    return found


def _point(session: Session, bundle: Bundle, author: str) -> int:
    new = 0
    for alias in bundle.aliases:
        key = (alias.resource.type.value, alias.resource.name, alias.alias)
        if session.get(AliasRow, key) is None:
            row = AliasRow(
                type=key[0], name=key[1], alias=key[2], digest=alias.digest, moved_at=now()
            )
            session.add(row)
            moved = {"resource": str(alias.resource), "alias": alias.alias, "before": None}
            moved |= {"after": alias.digest, "bundle": bundle.digest}
            audit.append(session, "alias", author, moved)
            new += 1
    session.flush()
    return new


def _activate(
    history: History, session: Session, bundle: Bundle, branch: str, author: str
) -> Commit | None:
    changes: dict[ResourceId, Record | None] = dict(bundle.live)
    dependencies.check(session, branch, changes)
    sources = [commit.id for commit in bundle.commits[-_EVIDENCE_COMMITS:]]
    evidence = {"bundle": bundle.digest, "branch": bundle.branch, "head": bundle.head}
    evidence |= {"influences": [f"import:{bundle.digest}"]}
    reason = Reason(
        author,
        OPERATOR,
        f"import {len(changes)} resources from bundle {bundle.digest[:12]}",
        {**evidence, "commits": sources, "commits_in_all": len(bundle.commits)},
    )
    head = session.scalar(select(BranchRow.head).where(BranchRow.name == branch))
    return history.commit(branch, changes, reason, expected=head, session=session, origin=IMPORT)
