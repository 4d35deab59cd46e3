"""Views: immutable mappings resource → version. Everything that executes, executes on a View."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType

from agp.canonical import digest
from agp.errors import NotFoundError
from agp.rspl.dependencies import closure
from agp.rspl.entities import EntityType, Record, ResourceId


class View:
    """What one moment, one candidate or one lock file has live.

    Parameters: ``refs`` resource → digest; ``load`` reads a record by digest; ``commit`` the
    commit it was taken at, None for a lock file or an empty branch; ``overlay`` candidate
    records that exist in no commit. A View never changes: `with_overlay` gives a new one.
    """

    def __init__(
        self,
        refs: Mapping[ResourceId, str],
        load: Callable[[str], Record],
        *,
        commit: str | None = None,
        overlay: Mapping[ResourceId, Record] | None = None,
    ) -> None:
        self.overlay: Mapping[ResourceId, Record] = MappingProxyType(dict(overlay or {}))
        changed = {rid: record.digest for rid, record in self.overlay.items()}
        self.refs: Mapping[ResourceId, str] = MappingProxyType({**refs, **changed})
        self.base = MappingProxyType(dict(refs))
        self.commit = commit
        self._load = load
        self._closures: dict[ResourceId, str] = {}

    def __contains__(self, rid: ResourceId) -> bool:
        return rid in self.refs

    def __iter__(self) -> Iterator[ResourceId]:
        return iter(sorted(self.refs))

    def record(self, rid: ResourceId) -> Record:
        """The record that is live here. Raises NotFoundError with near names."""
        if rid in self.overlay:
            return self.overlay[rid]
        if rid not in self.refs:
            near = [other.name for other in self.refs if other.type == rid.type]
            raise NotFoundError(rid.type.value, rid.name, near)
        return self._load(self.refs[rid])

    def find(self, text: str, type_: EntityType | None = None) -> ResourceId:
        """The resource that ``text`` means: ``type/name``, or a bare unique name."""
        known = [rid for rid in self if type_ is None or rid.type == type_]
        if type_ is not None and "/" not in text and ResourceId(type_, text) not in self.refs:
            raise NotFoundError(type_.value, text, [rid.name for rid in known])
        return ResourceId.find(text, known)

    def with_overlay(self, records: Iterable[Record]) -> View:
        """This view with candidate records in place of what it has; nothing is stored."""
        overlay = {**self.overlay, **{record.id: record for record in records}}
        return View(self.base, self._load, commit=self.commit, overlay=overlay)

    @cached_property
    def digest(self) -> str:
        """Content digest of the whole mapping."""
        return digest({str(rid): value for rid, value in self.refs.items()})

    def closure_digest(self, rid: ResourceId) -> str:
        """Digest of a resource and everything it uses: equal closures behave alike."""
        if rid not in self._closures:
            used = closure(rid, self.record)
            self._closures[rid] = digest({str(each): self.refs[each] for each in used})
        return self._closures[rid]
