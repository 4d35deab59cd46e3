"""The dynamic manager: live instances from records, built once per content and swapped hot.

Instances are kept by digest, so a view that a run holds keeps its own, and the first `get` after
a commit builds the new one: nothing is restarted. Building must have no effects, and instances
are shared, so their state must live in the task or the store.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.view import View


class Builder:
    """Builds instances and keeps the ``capacity`` most recently used."""

    def __init__(self, capacity: int = 1024) -> None:
        self._built: OrderedDict[str, Any] = OrderedDict()
        self._capacity = capacity

    def get(self, view: View, rid: ResourceId) -> Any:
        """The live instance of a resource in a view. Raises NotFoundError, ResourceError."""
        key = view.refs.get(rid)
        if key is not None and key in self._built:
            self._built.move_to_end(key)
            return self._built[key]
        return self.build(view.record(rid))

    def build(self, record: Record) -> Any:
        """The live instance of a record."""
        instance = KINDS[record.type].build(record)
        self._built[record.digest] = instance
        while len(self._built) > self._capacity:
            self._built.popitem(last=False)
        return instance
