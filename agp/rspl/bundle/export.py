"""Writing a bundle: one consistent state of the store, streamed line by line."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.canonical import canonical_json
from agp.errors import InputError, NotFoundError
from agp.rspl.bundle.format import (
    END,
    FORMAT,
    HEADER,
    Alias,
    Version,
    alias_line,
    commit_line,
    object_line,
    version_line,
)
from agp.rspl.commits import with_changes
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.history import MAIN, History
from agp.secrets import refuse
from agp.store.tables import (
    AliasRow,
    BranchRow,
    ChangeRow,
    CommitRow,
    ObjectRow,
    RefRow,
    VersionRow,
)

_BATCH = 200


@dataclass(frozen=True)
class Exported:
    """What was written: the bundle's checksum, and how many lines of each kind."""

    digest: str
    counts: dict[str, int]


def export_bundle(
    history: History,
    path: Path,
    *,
    resources: Collection[ResourceId] | None = None,
    branch: str = MAIN,
) -> Exported:
    """Write resources with all their versions to one file.

    Parameters: ``resources`` which (None: all, with every commit of the store, so that the
    bundle can also be imported as a branch); ``branch`` whose live versions are marked. Raises
    NotFoundError for a resource or branch that is not there, InputError for a file that cannot
    be written, SecretError where something in it holds a secret. The file appears as a whole or
    not at all.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        with history.database.read() as session, partial.open("wb") as file:
            head = _head(session, branch)
            versions = _versions(session, resources, branch)
            checksum, counts = hashlib.sha256(), dict[str, int]()
            for line in _lines(session, versions, resources, branch, head):
                refuse(line, f"A line of the bundle ({line['kind']})")
                data = canonical_json(line) + b"\n"
                checksum.update(data)
                file.write(data)
                counts[line["kind"]] = counts.get(line["kind"], 0) + 1
            file.write(canonical_json({"kind": END, "sha256": checksum.hexdigest()}) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path} cannot be written: {why}.") from error
    finally:
        with suppress(OSError, ValueError):
            partial.unlink(missing_ok=True)
    del counts[HEADER]
    return Exported(checksum.hexdigest(), counts)


def _head(session: Session, branch: str) -> str | None:
    branches = session.execute(select(BranchRow.name, BranchRow.head))
    heads = {row.name: row.head for row in branches}
    if branch not in heads:
        raise NotFoundError("branch", branch, heads)
    return heads[branch]


def _lines(
    session: Session,
    versions: list[Version],
    resources: Collection[ResourceId] | None,
    branch: str,
    head: str | None,
) -> Iterator[dict[str, Any]]:
    yield {"kind": HEADER, "format": FORMAT, "branch": branch, "head": head}
    yield from _objects(session, sorted({each.digest for each in versions}))
    yield from (version_line(each) for each in versions)
    yield from (alias_line(each) for each in _aliases(session, {v.resource for v in versions}))
    yield from _commits(session, resources)


def _versions(
    session: Session, resources: Collection[ResourceId] | None, branch: str
) -> list[Version]:
    live = set(session.scalars(select(RefRow.digest).where(RefRow.branch == branch)))
    query = select(VersionRow.type, VersionRow.name, VersionRow.number)
    found: list[Version] = []
    for type_, name, number, semver, digest in session.execute(
        query.add_columns(VersionRow.semver, VersionRow.digest)
    ):
        rid = ResourceId(EntityType(type_), name)
        if resources is None or rid in resources:
            found.append(Version(rid, number, semver, digest, digest in live))
    known = {each.resource for each in found}
    for rid in resources or ():
        if rid not in known:
            raise NotFoundError("resource", str(rid), hint="See them with: agp resources")
    return sorted(found, key=lambda each: (each.resource, each.number))


def _objects(session: Session, digests: list[str]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(digests), _BATCH):
        part = digests[start : start + _BATCH]
        query = select(ObjectRow.digest, ObjectRow.body).where(ObjectRow.digest.in_(part))
        for digest, body in sorted(tuple(row) for row in session.execute(query)):
            yield object_line(digest, json.loads(body))


def _aliases(session: Session, resources: Collection[ResourceId]) -> list[Alias]:
    rows = session.execute(select(AliasRow.type, AliasRow.name, AliasRow.alias, AliasRow.digest))
    found = [Alias(ResourceId(EntityType(t), name), alias, d) for t, name, alias, d in rows]
    chosen = [each for each in found if each.resource in resources]
    return sorted(chosen, key=lambda each: (each.resource, each.alias))


def _commits(
    session: Session, resources: Collection[ResourceId] | None
) -> Iterator[dict[str, Any]]:
    """Every commit, or those that moved one of the resources; parents first."""
    if resources is None:
        ids = list(session.scalars(select(CommitRow.id).order_by(CommitRow.seq)))
    else:
        moved = select(ChangeRow.commit, ChangeRow.type, ChangeRow.name, CommitRow.seq)
        rows = session.execute(moved.join(CommitRow, CommitRow.id == ChangeRow.commit))
        touched = {
            (seq, commit)
            for commit, type_, name, seq in rows
            if ResourceId(EntityType(type_), name) in resources
        }
        ids = [commit for _, commit in sorted(touched)]
    for start in range(0, len(ids), _BATCH):
        query = select(CommitRow).where(CommitRow.id.in_(ids[start : start + _BATCH]))
        for commit in with_changes(session, session.scalars(query.order_by(CommitRow.seq))):
            yield commit_line(commit)
