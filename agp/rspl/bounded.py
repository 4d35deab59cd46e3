"""A memory as a bounded list of items: the base class of the shipped memories.

What every such memory needs and no more: its bounds, which items go first, the parameters of
its next version, and recall by words. What an item holds is said by the memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from agp.rspl.entities import JsonObject
from agp.rspl.kinds.actions import Changed
from agp.rspl.recall import relevance

MOST_RECALLED = 50


class BoundedMemory:
    """Items in the order in which they were last written, the newest at the end.

    Parameters: ``items`` the content; ``max_items`` how many are kept; ``max_bytes`` of JSON
    (UTF-8) over all items; ``max_item_bytes`` of one. Beyond the bounds the items that are worth
    least go first (`_worth`; equally worthy ones: the oldest), but never the newest. Raises
    ValueError for bounds that are not positive, an item larger than its bound, or a malformed one.
    """

    fields: ClassVar[dict[str, type]]
    """What an item holds: exactly these fields, each of this type."""
    content: ClassVar[str] = "items"
    identity: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        items: Sequence[JsonObject] | None = None,
        max_items: int = 200,
        max_bytes: int = 100_000,
        max_item_bytes: int = 4_000,
    ) -> None:
        if not 0 < max_item_bytes <= max_bytes or max_items < 1:
            raise ValueError(
                "the bounds must be positive, and max_item_bytes at most max_bytes; they are "
                f"max_items {max_items}, max_bytes {max_bytes}, max_item_bytes {max_item_bytes}"
            )
        self.max_items = max_items
        self.max_bytes = max_bytes
        self.max_item_bytes = max_item_bytes
        self.items: tuple[JsonObject, ...] = tuple(self._bounded(list(items or ())))

    @property
    def params(self) -> JsonObject:
        """The parameters this memory would be built from again."""
        return {
            "items": list(self.items),
            "max_items": self.max_items,
            "max_bytes": self.max_bytes,
            "max_item_bytes": self.max_item_bytes,
        }

    def _worth(self, item: JsonObject) -> float:
        """What speaks for keeping an item beside its age."""
        return 0.0

    def _changed(self, items: Iterable[JsonObject], result: Any) -> Changed:
        """The next version, with these items as far as the bounds allow."""
        kept = self._bounded(list(items))
        return Changed(result, {**self.params, "items": kept})

    def _recalled(
        self, query: str, texts: Sequence[str], weights: Sequence[float], limit: int
    ) -> list[JsonObject]:
        """The items whose texts share words with the query, by relevance times weight.

        Parameters: ``texts`` and ``weights`` one an item, weights above 0; ``limit`` at most so
        many, 1 to 50. Equally good ones: the newest first. Raises ValueError.
        """
        if not 1 <= limit <= MOST_RECALLED:
            raise ValueError(f"limit must be from 1 to {MOST_RECALLED}, not {limit}")
        scores = [s * w for s, w in zip(relevance(query, texts), weights, strict=True)]
        best = sorted(range(len(scores)), key=lambda i: (-scores[i], -i))
        return [self.items[i] for i in best[:limit] if scores[i] > 0]

    def _check(self, item: JsonObject) -> None:
        if set(item) != set(self.fields):
            raise ValueError(f"an item has the fields {', '.join(self.fields)}; not as in {item}")
        for name, kind in self.fields.items():
            if not isinstance(item[name], kind):
                raise ValueError(f"the field {name!r} of an item is {kind.__name__}, not {item}")

    def _bounded(self, items: list[JsonObject]) -> list[JsonObject]:
        for item in items:
            self._check(item)
        sizes = [len(json.dumps(item, ensure_ascii=False).encode()) for item in items]
        if sizes and max(sizes) > self.max_item_bytes:
            raise ValueError(
                f"one item may have {self.max_item_bytes} bytes; this has {max(sizes)}: shorten it"
            )
        count, total = len(items), sum(sizes)
        gone: set[int] = set()
        for i in sorted(range(len(items) - 1), key=lambda i: self._worth(items[i])):
            if count <= self.max_items and total <= self.max_bytes:
                break
            gone.add(i)
            count, total = count - 1, total - sizes[i]
        return [item for i, item in enumerate(items) if i not in gone]


def filled(name: str, text: str) -> str:
    """``text`` with single spaces. Raises ValueError where nothing is left of it."""
    cleaned = tidy(text)
    if not cleaned:
        raise ValueError(f"{name}: must not be empty")
    return cleaned


def tidy(text: str) -> str:
    """``text`` with single spaces and what UTF-8 cannot hold replaced."""
    return " ".join(text.encode("utf-8", "replace").decode().split())
