"""The format ``agp-bundle/1``: one canonical JSON object a line, and what they are as values.

A header; then objects (by digest), versions (by resource and number), aliases (by resource and
alias) and commits (parents first), each kind in that order and without repetition; then a line
with the SHA-256 of all bytes before it. A commit line holds the commit's whole content, so its
id can be derived again; changes of resources that are not in the bundle are named there too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agp.rspl.commits import Change, Commit, Reason
from agp.rspl.entities import Record, ResourceId

FORMAT = "agp-bundle/1"
HEADER, OBJECT, VERSION, ALIAS, COMMIT, END = (
    *("header", "object", "version", "alias", "commit", "end"),
)
KINDS_OF_LINES = (OBJECT, VERSION, ALIAS, COMMIT)
"""The kinds between header and end, in their order."""


@dataclass(frozen=True)
class Version:
    """A version's name where the bundle was made; ``live`` on the exported branch."""

    resource: ResourceId
    number: int
    semver: str
    digest: str
    live: bool


@dataclass(frozen=True)
class Alias:
    """A moving name for a version, as it stood."""

    resource: ResourceId
    alias: str
    digest: str


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: ``digest`` is its checksum, ``head`` the exported branch's commit."""

    digest: str
    branch: str
    head: str | None
    records: dict[str, Record] = field(default_factory=dict[str, Record])
    versions: list[Version] = field(default_factory=list[Version])
    aliases: list[Alias] = field(default_factory=list[Alias])
    commits: list[Commit] = field(default_factory=list[Commit])

    @property
    def live(self) -> dict[ResourceId, Record]:
        """What was live on the exported branch."""
        return {each.resource: self.records[each.digest] for each in self.versions if each.live}

    @property
    def resources(self) -> list[ResourceId]:
        """The resources it holds versions of."""
        return sorted({each.resource for each in self.versions})


def object_line(digest: str, record: Any) -> dict[str, Any]:
    """The line of a body."""
    return {"kind": OBJECT, "digest": digest, "record": record}


def version_line(version: Version) -> dict[str, Any]:
    """The line of a version name."""
    return {
        "kind": VERSION,
        "resource": str(version.resource),
        "number": version.number,
        "version": version.semver,
        "digest": version.digest,
        "live": version.live,
    }


def alias_line(alias: Alias) -> dict[str, Any]:
    """The line of an alias."""
    return {
        "kind": ALIAS,
        "resource": str(alias.resource),
        "alias": alias.alias,
        "digest": alias.digest,
    }


def commit_line(commit: Commit) -> dict[str, Any]:
    """The line of a commit: all that its id is the digest of."""
    return {
        "kind": COMMIT,
        "id": commit.id,
        "branch": commit.branch,
        "parents": commit.parents,
        "author": commit.author,
        "operator": commit.operator,
        "message": commit.message,
        "evidence": commit.evidence,
        "objective": commit.objective,
        "created_at": commit.created_at,
        "changes": [[str(c.resource), c.before, c.after] for c in commit.changes],
    }


def commit_of_line(line: dict[str, Any], seq: int) -> Commit:
    """The commit of a line, without a look at its id; ``seq`` is its place in the bundle."""
    parent, *merged = line["parents"]
    changes = [
        Change(ResourceId.parse(name), before, after) for name, before, after in line["changes"]
    ]
    return Commit(
        id=line["id"],
        seq=seq,
        branch=line["branch"],
        parent=parent,
        merged=merged[0] if merged else None,
        author=line["author"],
        operator=line["operator"],
        message=line["message"],
        evidence=line["evidence"],
        objective=line["objective"],
        created_at=line["created_at"],
        changes=tuple(changes),
    )


def reason_of(commit: Commit) -> Reason:
    """Why a commit was made."""
    return Reason(commit.author, commit.operator, commit.message, commit.evidence, commit.objective)
