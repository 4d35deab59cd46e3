"""The dynamic manager: live instances from records, built once per content and swapped hot.

Instances are kept by digest, so a view that a run holds keeps its own, and the first `get` after
a commit builds the new one: nothing is restarted. Building must have no effects, and instances
are shared, so their state must live in the task or the store. Code that no person wrote or
approved is built confined; when that changes, what was built before is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agp.recent import Recent
from agp.rspl import trusted
from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.view import View


class Builder:
    """Builds instances and keeps the ``capacity`` most recently used."""

    def __init__(self, capacity: int = 1024) -> None:
        self._capacity = capacity
        self._built: Recent[str, Any] = Recent(capacity)
        self._epoch = trusted.epoch()

    def get(self, view: View, rid: ResourceId) -> Any:
        """The live instance of a resource in a view. Raises NotFoundError, ResourceError."""
        digest = view.refs.get(rid)
        return self.of(digest or view.record(rid).digest, lambda _: view.record(rid))

    def of(self, digest: str, load: Callable[[str], Record]) -> Any:
        """The live instance of the record with a digest, which ``load`` reads if need be."""
        if self._epoch != trusted.epoch():  # what may run in this process is not the same any more
            self._epoch, self._built = trusted.epoch(), Recent(self._capacity)
        built = self._built.get(digest)
        return self.build(load(digest)) if built is None else built

    def build(self, record: Record) -> Any:
        """The live instance of a record."""
        instance = KINDS[record.type].build(record)
        self._built.put(record.digest, instance)
        return instance
