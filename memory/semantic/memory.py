"""Facts as short texts, each kept once; a fact with a key is updated in place."""

from __future__ import annotations

from typing import Any, ClassVar

from agp.rspl.bounded import BoundedMemory, filled, tidy
from agp.rspl.kinds.actions import Changed


class Memory(BoundedMemory):
    """Facts, in the order in which they were last confirmed. Beyond a bound the first go."""

    fields: ClassVar = {"key": str, "text": str}
    identity = ("key", "text")

    def remember(self, text: str, key: str = "") -> Changed:
        """Remember a fact. With a key it replaces the fact of that key; a text is kept once.

        Args:
            text: The fact, in a sentence.
            key: A short name under which the fact can be corrected later.
        """
        fact = {"key": tidy(key), "text": filled("text", text)}
        others = [item for item in self.items if not _same(item, fact)]
        told = "Remembered." if len(others) == len(self.items) else "Updated."
        return self._changed([*others, fact], told)

    def recall(self, query: str, limit: int = 5) -> list[dict[str, Any]]:
        """Find facts that share words with a query, best first.

        Args:
            query: What you want to know.
            limit: How many at most, 1 to 50.
        """
        texts = [f"{fact['key']} {fact['text']}" for fact in self.items]
        return self._recalled(query, texts, [1.0] * len(texts), limit)

    def forget(self, fact: str) -> Changed:
        """Remove a fact that is wrong or no longer needed.

        Args:
            fact: Its key; or its exact text, if it has none.
        """
        wanted = filled("fact", fact)
        others = [item for item in self.items if wanted != (item["key"] or item["text"])]
        if len(others) == len(self.items):
            raise ValueError(f"there is no fact {fact!r}; give its key, or its text if it has none")
        return self._changed(others, "Forgotten.")


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one["key"] or other["key"]:
        return one["key"] == other["key"]
    return one["text"] == other["text"]
