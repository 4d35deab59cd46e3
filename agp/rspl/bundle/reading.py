"""Reading a bundle: every byte, digest, id, order and reference is verified before it is used."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from agp.audit.entries import is_hex_64, read_canonical
from agp.canonical import digest
from agp.errors import AgpError, InputError
from agp.rspl.bundle.format import (
    ALIAS,
    COMMIT,
    END,
    FORMAT,
    HEADER,
    KINDS_OF_LINES,
    OBJECT,
    VERSION,
    Alias,
    Bundle,
    Version,
    alias_line,
    commit_line,
    commit_of_line,
    object_line,
    reason_of,
    version_line,
)
from agp.rspl.commits import Commit, commit_id
from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.names import check_name

_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, RecursionError, AgpError)
_SEMVER = re.compile(r"1\.0\.(\d+)", re.ASCII)


def read_bundle(path: Path) -> Bundle:
    """The content of a bundle file.

    Raises InputError naming the line and what is wrong with it, for anything but the very bytes
    that an export wrote.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise InputError(f"The bundle {path} cannot be read: {error.strerror}.") from error
    return _Reader(path).read(lines)


class _Reader:
    """One pass over the lines of a file; ``number`` is the line that is being read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self.bundle = Bundle("", "", None)
        self.last: tuple[int, Any] = (-1, None)
        self.named: dict[tuple[ResourceId, str], str] = {}
        self.counted: dict[ResourceId, int] = {}
        self.live: set[ResourceId] = set()
        self.commits: set[str] = set()

    def read(self, lines: list[bytes]) -> Bundle:
        """The bundle, verified."""
        checksum = hashlib.sha256()
        readers: dict[str, Callable[[dict[str, Any]], None]] = {
            OBJECT: self._object,
            VERSION: self._version,
            ALIAS: self._alias,
            COMMIT: self._commit,
        }
        branch, head = self._header(lines)
        checksum.update(lines[0])
        for self.number, data in enumerate(lines[1:-1], start=2):
            line = self._line(data)
            kind = line.get("kind")
            if kind not in readers:
                raise self._fault(f"a line of kind {kind!r} has no place here")
            try:
                readers[kind](line)
            except _MALFORMED as error:
                if isinstance(error, _FaultError):
                    raise
                raise self._fault(f"it is not a proper {kind} line ({_first(error)})") from error
            checksum.update(data)
        self.number = len(lines)
        last = self._line(lines[-1]) if len(lines) > 1 else {}
        if last.get("kind") != END:
            raise self._fault("the file ends here without its checksum: it was cut off")
        if last != {"kind": END, "sha256": checksum.hexdigest()}:
            raise self._fault("the checksum does not match: lines were changed, added or left out")
        self._complete()
        found = self.bundle
        return Bundle(
            checksum.hexdigest(),
            branch,
            head,
            found.records,
            found.versions,
            found.aliases,
            found.commits,
        )

    def _header(self, lines: list[bytes]) -> tuple[str, str | None]:
        self.number = 1
        header = self._line(lines[0]) if lines else {}
        if header.get("format") != FORMAT:
            raise self._fault(
                f"this is not a bundle that this agp reads: its format is "
                f"{header.get('format')!r}, not {FORMAT!r}"
            )
        branch, head = header.get("branch"), header.get("head")
        form = {"kind": HEADER, "format": FORMAT, "branch": branch, "head": head}
        if header != form or not isinstance(branch, str) or not (head is None or is_hex_64(head)):
            raise self._fault("the header is malformed")
        return branch, head

    def _line(self, data: bytes) -> dict[str, Any]:
        if not data.endswith(b"\n"):
            raise self._fault("the file ends in the middle of a line: it was cut off")
        try:
            value = read_canonical(data[:-1])
        except InputError as error:
            raise self._fault(error.message) from error
        if not isinstance(value, dict):
            raise self._fault("it is not an object")
        return cast("dict[str, Any]", value)

    # -- kinds of lines ----------------------------------------------------------------------

    def _object(self, line: dict[str, Any]) -> None:
        named = line["digest"]
        self._in_order(OBJECT, named)
        record = Record.model_validate(line["record"])
        if digest(line["record"]) != named or record.digest != named:
            raise self._fault(f"the content of {record.id} does not match its digest")
        self._exactly(line, object_line(named, record.body()))
        for rid in (record.id, *KINDS[record.type].dependencies(record)):
            ResourceId.parse(str(rid))  # the name must be one
        self.bundle.records[named] = record

    def _version(self, line: dict[str, Any]) -> None:
        rid = ResourceId.parse(line["resource"])
        version = Version(rid, line["number"], line["version"], line["digest"], line["live"])
        self._exactly(line, version_line(version))
        if type(version.live) is not bool or type(version.number) is not int:
            raise self._fault("a field has another type")
        self._in_order(VERSION, (rid, version.number))
        form = _SEMVER.fullmatch(version.semver)
        if version.number < 0 or not form or form[1] != str(version.number):
            raise self._fault(
                f"{version.semver} is not the name of version number {version.number}"
            )
        if (rid, version.digest) in self.named or (version.live and rid in self.live):
            raise self._fault(f"{rid} has this version twice, or two live ones")
        self._is_held(rid, version.digest)
        if version.number != self.counted.get(rid, 0):  # all versions are exported
            raise self._fault(f"it is number {version.number} of {rid}: numbers were left out")
        self.counted[rid] = version.number + 1
        self.named[rid, version.digest] = version.semver
        self.live |= {rid} if version.live else set()
        self.bundle.versions.append(version)

    def _alias(self, line: dict[str, Any]) -> None:
        rid = ResourceId.parse(line["resource"])
        alias = Alias(rid, check_name(line["alias"], "an alias"), line["digest"])
        self._exactly(line, alias_line(alias))
        self._in_order(ALIAS, (rid, alias.alias))
        self._is_held(rid, alias.digest)
        self.bundle.aliases.append(alias)

    def _commit(self, line: dict[str, Any]) -> None:
        commit = commit_of_line(line, seq=len(self.commits) + 1)
        self._exactly(line, commit_line(commit))
        self._in_order(COMMIT, commit.seq)
        if not _well_formed(commit):
            raise self._fault("a field has another type, or its changes are out of order")
        for change in commit.changes:
            for each in (change.before, change.after):
                if each in self.bundle.records:
                    self._is_held(change.resource, each)
        expected = commit_id(
            branch=commit.branch,
            parents=commit.parents,
            reason=reason_of(commit),
            created_at=commit.created_at,
            changes=commit.changes,
        )
        if expected != commit.id:
            raise self._fault(f"the content of commit {commit.id[:12]} does not match its id")
        if commit.id in self.commits:
            raise self._fault(f"commit {commit.id[:12]} is there twice")
        self.commits.add(commit.id)
        self.bundle.commits.append(commit)

    def _complete(self) -> None:
        """What only shows at the end: every body has a version name."""
        held = {digest for _, digest in self.named}
        for named, record in self.bundle.records.items():
            if named not in held:
                raise self._fault(f"{record.id} {named[:12]} has no version name")

    # -- what every line must be ---------------------------------------------------------------

    def _in_order(self, kind: str, key: Any) -> None:
        """Lines come in the order of their kind, and within it strictly ascending."""
        place = KINDS_OF_LINES.index(kind)
        before, last = self.last
        if place < before or (place == before and not last < key):
            raise self._fault("it is out of order, or there twice")
        self.last = (place, key)

    def _is_held(self, rid: ResourceId, digest: str) -> None:
        record = self.bundle.records.get(digest)
        if record is None or record.id != rid:
            raise self._fault(f"the bundle holds no version {str(digest)[:12]} of {rid}")

    def _exactly(self, line: dict[str, Any], expected: dict[str, Any]) -> None:
        if line != expected:
            raise self._fault("it has other fields than it should")

    def _fault(self, what: str) -> _FaultError:
        return _FaultError(
            f"{self.path}, line {self.number}: {what}.",
            hint="Nothing was imported. Get the file again from whoever exported it.",
        )


class _FaultError(InputError):
    """A fault with its line."""


def _well_formed(commit: Commit) -> bool:
    evidence: Any = commit.evidence
    words: tuple[Any, ...] = (
        commit.branch,
        commit.author,
        commit.operator,
        commit.message,
        commit.created_at,
    )
    digests = [commit.parent, commit.merged, commit.objective]
    digests += [each for change in commit.changes for each in (change.before, change.after)]
    order = [change.resource for change in commit.changes]
    return (
        all(isinstance(word, str) for word in words)
        and isinstance(evidence, dict)
        and all(each is None or is_hex_64(each) for each in digests)
        and order == sorted(set(order))
    )


def _first(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
