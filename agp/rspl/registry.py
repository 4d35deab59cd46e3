"""The registry: context manager and server interface (Def. 3.3) of all five types at once.

Every operator of the protocol (Table 7) works on any resource of one branch; what differs between
types is asked of `agp.rspl.kinds`. Changes are commits: either the whole change is live or none
of it. Operators take and give plain data, so that a server over them is thin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agp.errors import ConflictError, InputError, NotFoundError
from agp.in_sync import in_sync
from agp.rspl import dependencies, search
from agp.rspl.builder import Builder
from agp.rspl.bundle import Imported, export_bundle, import_bundle
from agp.rspl.commits import Change, Commit, Reason
from agp.rspl.confined.demands import Demands, demanding
from agp.rspl.conflicts import attempts_async, retry_on_conflict
from agp.rspl.contract import Contract, contract_of, load_contract, save_contract
from agp.rspl.entities import EntityType, JsonObject, Record, ResourceId, check_name
from agp.rspl.history import MAIN, History
from agp.rspl.intake import Intake
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.actions import Context
from agp.rspl.origins import PERSON, Origin
from agp.rspl.paths import find_path, set_path
from agp.rspl.sources import FILES
from agp.rspl.view import View
from agp.secrets import unresolved

Address = ResourceId | str
"""A resource, as its address or written ``type/name``."""


@dataclass(frozen=True)
class Run:
    """What running a resource gave; ``commit`` is its new version where its state changed."""

    result: Any
    commit: Commit | None = None

    def data(self) -> dict[str, Any]:
        """The same as plain JSON data."""
        return {"result": self.result, "commit": self.commit.data() if self.commit else None}


class Registry:
    """The active resources of one branch.

    Parameters: ``history`` the store's history; ``branch`` the branch that changes go to;
    ``author`` who is named in commits; ``context`` what running a resource may use, by class
    (a way to call agents, say). Thread-safe; any number of processes may work on one store.
    """

    def __init__(
        self,
        history: History,
        *,
        branch: str = MAIN,
        author: str = "user",
        context: Context | None = None,
    ) -> None:
        self.history = history
        self.branch = branch
        self.author = author
        self.context: dict[type, Any] = dict(context or {})
        self.builder = Builder()
        self.demands = Demands()
        """What confined code that is run here demands of the sandbox."""
        self.unavailable: dict[ResourceId, str] = {}
        """Resources in files that `init` left out, and why (a server that does not answer)."""

    # -- lifecycle -------------------------------------------------------------------------

    def init(self, roots: Sequence[Path]) -> Commit | None:
        """Discover resources in folders and register what is new there since the last time.

        A resource that was evolved keeps its evolved version until its file changes; then the
        file's content becomes the next version and the evolved one stays in the history.
        Returns the commit, None where nothing was new. Raises ResourceError.
        """
        intake = Intake(self.history, self.branch, roots)
        commit = retry_on_conflict(lambda: self._take_in(intake))
        self.unavailable = intake.unavailable
        return commit

    def _take_in(self, intake: Intake) -> Commit | None:
        new = intake.new()
        if not new.read:
            return None
        message = f"resources from files: {_listed(new.changes)}"
        return self.commit(
            new.changes,
            operator="init",
            message=message,
            author=FILES,
            base=new.base,
            noted=new.read,
        )

    def refresh(self, address: Address) -> Commit | None:
        """Ask the outside anew (a server for its tools): a new version where it has changed.

        Raises ServerError where it does not answer.
        """
        record = self.get_info(address)
        kind = KINDS[record.type]
        fresh = kind.complete(kind.incomplete(record))
        return self.update(fresh, message=f"refresh {record.id}", expected=record.digest)

    def build(self, record: Record) -> Any:
        """A live instance of any record, registered or not. Raises ResourceError."""
        return self.builder.build(record)

    def register(
        self,
        record: Record,
        *,
        message: str = "",
        evidence: dict[str, Any] | None = None,
        origin: Origin = PERSON,
    ) -> Commit | None:
        """Add a new resource. Raises InputError if the name is taken, ResourceError.

        ``origin`` is who wrote it: what no person wrote or approved runs confined.
        """
        check_name(record.name)
        self.history.origins.meet([record], origin)
        record = KINDS[record.type].complete(record)
        rid = record.id
        if self.history.live(self.branch, rid) is None:
            message = message or f"register {rid}"
            try:
                return self.commit(
                    {rid: record},
                    operator="register",
                    message=message,
                    evidence=evidence,
                    base={rid: None},
                    origin=origin,
                )
            except ConflictError:  # another process was faster with this very name
                pass
        raise InputError(f"{rid} exists already.", hint="Change it with update, or copy it.")

    def unregister(self, address: Address, *, message: str = "") -> Commit | None:
        """Take a resource out of the active registry; its history stays readable.

        Raises NotFoundError, or ResourceError while others are bound to it.
        """
        rid = as_id(address)
        base = {rid: self.get_info(rid).digest}
        message = message or f"unregister {rid}"
        return self.commit({rid: None}, operator="unregister", message=message, base=base)

    # -- retrieval -------------------------------------------------------------------------

    def view(self) -> View:
        """What is live now, as an immutable view."""
        return self.history.view(self.branch)

    def get(self, address: Address) -> Any:
        """The live instance; after a commit, the new one. Raises NotFoundError, ResourceError."""
        rid = as_id(address)
        digest = self.history.live(self.branch, rid)
        if digest is None:  # not there, or only just
            return self.builder.get(self.view(), rid)
        return self.builder.of(digest, self.history.load)

    def get_info(self, address: Address) -> Record:
        """The live record. Raises NotFoundError with near names."""
        rid = as_id(address)
        digest = self.history.live(self.branch, rid)
        return self.history.load(digest) if digest else self.view().record(rid)

    def list(self, type_: EntityType | None = None) -> list[ResourceId]:
        """All active resources, sorted."""
        return [rid for rid in self.view() if type_ is None or rid.type == type_]

    def retrieve(
        self,
        query: str,
        *,
        types: Sequence[EntityType] = (),
        tags: Sequence[str] = (),
        limit: int = 5,
        embedder: search.Embedder | None = None,
    ) -> list[search.Hit]:
        """The active resources that fit a description best, best first.

        Ranked by the database's full-text search, or together with embeddings by ``embedder``.
        Raises InputError for an empty query.
        """
        return search.find(
            self.history.database,
            query,
            branch=self.branch,
            types=types,
            tags=tags,
            limit=limit,
            embedder=embedder,
        )

    def get_state(self, address: Address) -> Any:
        """The current state of a resource as plain data; None where its type has none."""
        record = self.get_info(address)
        return KINDS[record.type].state(record)

    # -- versions --------------------------------------------------------------------------

    def update(
        self,
        record: Record,
        *,
        message: str = "",
        expected: str | None = None,
        origin: Origin = PERSON,
    ) -> Commit | None:
        """Make new content live as the next version; None where it is what is live already.

        With ``expected``, the digest this content was made from, a version that someone else
        made meanwhile is never overwritten: ConflictError. ``origin`` is as for `register`.
        """
        base = {record.id: expected or self.get_info(record.id).digest}
        message = message or f"update {record.id}"
        self.history.origins.meet([record], origin)
        record = KINDS[record.type].complete(record)
        return self.commit(
            {record.id: record}, operator="update", message=message, base=base, origin=origin
        )

    def copy(
        self, address: Address, name: str = "", *, version: str | None = None
    ) -> Commit | None:
        """Register a duplicate, of the live or a historical version.

        Its name is ``name``, by default that of the resource with ``-copy``.
        """
        rid = as_id(address)
        source = self.version(rid, version) if version else self.get_info(rid)
        name = check_name(name or f"{rid.name}-copy")
        duplicate = Record.read({**source.body(), "name": name})
        message = f"copy {rid} to {duplicate.id}"
        made_of = {"used": {str(rid): source.digest}}
        return self.register(duplicate, message=message, evidence=made_of)

    def restore(self, address: Address, version: str) -> Commit | None:
        """Make a historical version live again, as a new commit. Raises NotFoundError."""
        rid = as_id(address)
        record = self.version(rid, version)
        base = {rid: self.history.live(self.branch, rid)}
        message = f"restore {rid} to {self.history.version_of(record.digest)}"
        return self.commit({rid: record}, operator="restore", message=message, base=base)

    def version(self, address: Address, version: str) -> Record:
        """The record of a version, by semver, alias or digest prefix. Raises NotFoundError."""
        return self.history.load(self.history.resolve(as_id(address), version))

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
        return self.commit(
            before,
            operator="rollback",
            message=message or f"roll back {commit.id[:12]} ({commit.message})",
            evidence={"rolled_back": commit.id},
            base={c.resource: c.after for c in commit.changes},
        )

    def move_alias(self, address: Address, alias: str, version: str) -> str:
        """Let ``alias`` stand for a version of a resource from now on; returns its digest."""
        rid = as_id(address)
        digest = self.history.resolve(rid, version)
        self.history.names.move_alias(rid, alias, digest, author=self.author)
        return digest

    # -- variables -------------------------------------------------------------------------

    def get_variables(self, address: Address) -> dict[str, Any]:
        """The evolvable parts of a resource: path → value."""
        record = self.get_info(address)
        body = record.body()
        parts = KINDS[record.type].parts(record)
        return {part.path: find_path(body, part.path) for part in parts}

    def set_variables(
        self,
        address: Address,
        values: Mapping[str, Any],
        *,
        message: str = "",
        expected: str | None = None,
        origin: Origin = PERSON,
    ) -> Commit | None:
        """Change evolvable parts, by path, as one new version. Raises NotFoundError for a path.

        ``expected`` and ``origin`` are as for `update`.
        """
        record = self.get_info(address)
        known = [part.path for part in KINDS[record.type].parts(record)]
        body = record.body()
        for path, value in values.items():
            if path not in known:
                raise NotFoundError(f"variable of {record.id}", path, known)
            body = set_path(body, path, value)
        return self.commit(
            {record.id: Record.read(body)},
            operator="set_variables",
            message=message or f"set {', '.join(values)} of {record.id}",
            base={record.id: expected or record.digest},
            origin=origin,
        )

    # -- execution -------------------------------------------------------------------------

    def run(self, address: Address, given: Mapping[str, Any]) -> Run:
        """Run a live instance with structured input. See `arun`."""
        return in_sync(self.arun(address, given))

    async def arun(self, address: Address, given: Mapping[str, Any]) -> Run:
        """Run a live instance with structured input, as its input schema says.

        A change of state (a memory that remembers, a workspace that is written to) is a new
        version. Raises InputError naming what is wrong with the input, ResourceError.
        """
        async for attempt in attempts_async():
            with attempt:  # acting on the new state where another was faster
                return await self._run_once(address, given)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _run_once(self, address: Address, given: Mapping[str, Any]) -> Run:
        record = self.get_info(address)
        instance = self.builder.of(record.digest, lambda _: record)
        try:
            with demanding(self.demands):
                outcome = await KINDS[record.type].run(
                    record, instance, cast(JsonObject, given), self.context
                )
        except ValueError as error:
            hint = f"See what it takes: agp contract {record.id}"
            raise InputError(f"{record.id}: {error}", hint=hint) from error
        if outcome.record is None:
            return Run(outcome.result)
        commit = self.commit(
            {record.id: outcome.record},
            operator="run",
            message=f"{given.get('action', 'run')} in {record.id}",
            base={record.id: record.digest},
        )
        return Run(outcome.result, commit)

    # -- serialization ---------------------------------------------------------------------

    def save_to_json(self, path: Path, resources: Iterable[Address] | None = None) -> None:
        """Write configurations and the full version history to a bundle file (JSON Lines)."""
        wanted = None if resources is None else [as_id(each) for each in resources]
        export_bundle(self.history, path, resources=wanted, branch=self.branch)

    def load_from_json(self, path: Path, *, activate: bool = True) -> Imported:
        """Take in a bundle, digests intact; what it has live becomes live as one commit.

        Raises InputError for a file that is no bundle or was tampered with: nothing is written.
        """
        return import_bundle(
            self.history, path, branch=self.branch, activate=activate, author=self.author
        )

    def save_contract(
        self,
        path: Path,
        resources: Iterable[Address] | None = None,
        *,
        budget: int | None = None,
    ) -> Contract:
        """Write the contract of resources (default: all) to a Markdown file and return it."""
        wanted = None if resources is None else [as_id(each) for each in resources]
        contract = contract_of(self.view(), wanted, budget=budget)
        save_contract(contract, path)
        return contract

    def load_contract(self, path: Path) -> Contract:
        """Read a contract back. Raises InputError where it was changed after it was written."""
        return load_contract(path)

    # -- commits ---------------------------------------------------------------------------

    def commit(
        self,
        changes: Mapping[ResourceId, Record | None],
        *,
        operator: str,
        message: str,
        author: str = "",
        evidence: dict[str, Any] | None = None,
        base: Mapping[ResourceId, str | None] | None = None,
        merged: str | None = None,
        expected: str | None = None,
        noted: Mapping[ResourceId, str] | None = None,
        origin: Origin = PERSON,
    ) -> Commit | None:
        """Make any number of changes live as one commit, after checking each and all together.

        Parameters: ``base`` what the changed refs were when the changes were made: a branch that
        moved elsewhere is then no conflict; otherwise the branch must stand at ``expected``
        (default: where it stands now); ``noted`` the digests that were read from files;
        ``origin`` who wrote code that is new: what no person wrote is read, never executed in
        this process. Raises ResourceError, InputError, ConflictError; see `History.commit`.
        """
        self.history.origins.meet((r for r in changes.values() if r is not None), origin)

        for rid, record in changes.items():
            check_name(rid.name)
            if record is not None:
                if record.id != rid:
                    raise InputError(
                        f"A record of {record.id} cannot become {rid}.", hint="Copy it."
                    )
                with unresolved():
                    KINDS[record.type].validate(record)
        reason = Reason(author or self.author, operator, message, evidence or {})
        head = expected or (None if base is not None else self.history.branches().get(self.branch))
        with self.history.database.write() as session:
            self.history.database.one_at_a_time(session)
            dependencies.check(session, self.branch, changes)
            commit = self.history.commit(
                self.branch,
                changes,
                reason,
                expected=head,
                base=base,
                merged=merged,
                session=session,
                origin=origin,
            )
            self.history.note_sources(self.branch, noted or {}, session)
        self.history.objects.remember(record for record in changes.values() if record)
        return commit


def as_id(address: Address) -> ResourceId:
    """The address of a resource. Raises InputError, NotFoundError (unknown type)."""
    return ResourceId.parse(address) if isinstance(address, str) else address


def _listed(changes: Mapping[ResourceId, Record | None]) -> str:
    names = [str(rid) for rid in sorted(changes)]
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _resources(changes: Sequence[Change]) -> str:
    return ", ".join(str(change.resource) for change in changes)
