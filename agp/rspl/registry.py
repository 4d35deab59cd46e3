"""The registry: context manager and server interface (Def. 3.3) of all five types at once.

Every operator works on any resource of one branch; what differs between types is asked of
`agp.rspl.kinds`. Changes are commits: either the whole change is live or none of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agp.errors import ConflictError, InputError, NotFoundError
from agp.rspl import dependencies
from agp.rspl.builder import Builder
from agp.rspl.discovery import discover
from agp.rspl.entities import EntityType, Record, ResourceId, check_name
from agp.rspl.history import FILES, MAIN, Change, Commit, History, Reason
from agp.rspl.kinds import KINDS
from agp.rspl.paths import get_path, set_path
from agp.rspl.view import View


class Registry:
    """The active resources of one branch.

    Parameters: ``history`` the store's history; ``branch`` the branch that changes go to;
    ``author`` who is named in commits.
    """

    def __init__(self, history: History, *, branch: str = MAIN, author: str = "user") -> None:
        self.history = history
        self.branch = branch
        self.author = author
        self.builder = Builder()

    # -- lifecycle -------------------------------------------------------------------------

    def init(self, roots: Sequence[Path]) -> Commit | None:
        """Discover resources in folders and register what is new there since the last time.

        A resource that was evolved keeps its evolved version until its file changes; then the
        file's content becomes the next version and the evolved one stays in the history.
        Returns the commit, None where nothing was new. Raises ResourceError.
        """
        found = discover(roots)
        try:
            return self._register_new(found)
        except ConflictError:  # another process registers the same files: look again
            return self._register_new(found)

    def _register_new(self, found: Mapping[ResourceId, Record]) -> Commit | None:
        seen = self.history.sources(self.branch)
        changed = {rid: r for rid, r in found.items() if seen.get(rid) != r.digest}
        if not changed:
            return None
        return self._commit(
            changed,
            operator="init",
            message=f"resources from files: {_listed(changed)}",
            author=FILES,
        )

    def register(self, record: Record, *, message: str = "") -> Commit | None:
        """Add a new resource. Raises InputError if the name is taken, ResourceError."""
        check_name(record.name)
        if self._exists(record.id):
            raise InputError(
                f"{record.id} exists already.", hint="Change it with update, or copy it."
            )
        message = message or f"register {record.id}"
        return self._commit({record.id: record}, operator="register", message=message)

    def unregister(self, rid: ResourceId, *, message: str = "") -> Commit | None:
        """Take a resource out of the active registry; its history stays readable.

        Raises NotFoundError, or ResourceError while others are bound to it.
        """
        self.get_info(rid)
        message = message or f"unregister {rid}"
        return self._commit({rid: None}, operator="unregister", message=message)

    def build(self, record: Record) -> Any:
        """A live instance of any record, registered or not."""
        return self.builder.build(record)

    # -- retrieval -------------------------------------------------------------------------

    def view(self) -> View:
        """What is live now, as an immutable view."""
        return self.history.view(self.branch)

    def get(self, rid: ResourceId) -> Any:
        """The live instance; after a commit, the new one."""
        return self.builder.get(self.view(), rid)

    def get_info(self, rid: ResourceId) -> Record:
        """The live record."""
        return self.view().record(rid)

    def list(self, type_: EntityType | None = None) -> list[ResourceId]:
        """All active resources, sorted."""
        return [rid for rid in self.view() if type_ is None or rid.type == type_]

    # -- versions --------------------------------------------------------------------------

    def update(self, record: Record, *, message: str = "") -> Commit | None:
        """Make new content live as the next version; None where it is what is live already."""
        self.get_info(record.id)
        message = message or f"update {record.id}"
        return self._commit({record.id: record}, operator="update", message=message)

    def copy(self, rid: ResourceId, name: str, *, version: str | None = None) -> Commit | None:
        """Register a duplicate under another name, of the live or a historical version."""
        source = self.version(rid, version) if version else self.get_info(rid)
        duplicate = Record.model_validate({**source.body(), "name": check_name(name)})
        return self.register(duplicate, message=f"copy {rid} to {duplicate.id}")

    def restore(self, rid: ResourceId, version: str) -> Commit | None:
        """Make a historical version live again, as a new commit. Raises NotFoundError."""
        record = self.version(rid, version)
        message = f"restore {rid} to {self.history.version_of(record.digest)}"
        return self._commit({rid: record}, operator="restore", message=message)

    def version(self, rid: ResourceId, version: str) -> Record:
        """The record of a version, by semver or digest prefix."""
        return self.history.load(self.history.resolve(rid, version))

    def rollback(self, commit_id: str, *, message: str = "") -> Commit | None:
        """Undo one commit by a new one. Raises InputError if a later commit moved the same refs."""
        commit = self.history.find_commit(commit_id)
        view = self.view()
        moved_on = [c for c in commit.changes if view.refs.get(c.resource) != c.after]
        if moved_on:
            raise InputError(
                f"Commit {commit.id[:12]} cannot be undone alone: {_resources(moved_on)} changed "
                "again since.",
                hint="Undo the later commits first (agp log), or restore one version with: "
                "agp rollback RESOURCE VERSION",
            )
        before = {
            c.resource: self.history.load(c.before) if c.before else None for c in commit.changes
        }
        message = message or f"roll back {commit.id[:12]} ({commit.message})"
        evidence = {"rolled_back": commit.id}
        return self._commit(before, operator="rollback", message=message, evidence=evidence)

    # -- variables -------------------------------------------------------------------------

    def get_variables(self, rid: ResourceId) -> dict[str, Any]:
        """The evolvable parts of a resource: path → value."""
        record = self.get_info(rid)
        body = record.body()
        return {part.path: get_path(body, part.path) for part in KINDS[rid.type].parts(record)}

    def set_variables(
        self, rid: ResourceId, values: Mapping[str, Any], *, message: str = ""
    ) -> Commit | None:
        """Change evolvable parts, by path, as one new version. Raises NotFoundError for a path."""
        record = self.get_info(rid)
        known = [part.path for part in KINDS[rid.type].parts(record)]
        body = record.body()
        for path, value in values.items():
            if path not in known:
                raise NotFoundError(f"variable of {rid}", path, known)
            body = set_path(body, path, value)
        message = message or f"set {', '.join(values)} of {rid}"
        return self._commit(
            {rid: Record.model_validate(body)}, operator="set_variables", message=message
        )

    # -- inside ----------------------------------------------------------------------------

    def _exists(self, rid: ResourceId) -> bool:
        return self.branch in self.history.branches() and rid in self.view()

    def _commit(
        self,
        changes: Mapping[ResourceId, Record | None],
        *,
        operator: str,
        message: str,
        author: str = "",
        evidence: dict[str, Any] | None = None,
    ) -> Commit | None:
        view = self.view() if self.branch in self.history.branches() else None
        for record in changes.values():
            if record is not None:
                KINDS[record.type].validate(record)
        after = {rid: view.record(rid) for rid in view} if view else {}
        for rid, record in changes.items():
            if record is None:
                after.pop(rid, None)
            else:
                after[rid] = record
        dependencies.check(after)
        reason = Reason(author or self.author, operator, message, evidence or {})
        expected = view.commit if view else None
        with self.history.database.write() as session:
            commit = self.history.commit(
                self.branch, changes, reason, expected=expected, session=session
            )
            if reason.author == FILES:
                read = {rid: record.digest for rid, record in changes.items() if record}
                self.history.note_sources(self.branch, read, session)
        return commit


def _listed(changes: Mapping[ResourceId, Record | None]) -> str:
    names = [str(rid) for rid in sorted(changes)]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _resources(changes: list[Change]) -> str:
    return ", ".join(str(change.resource) for change in changes)
