"""How-tos: a name, when to use it, its steps, and how often it worked."""

from __future__ import annotations

from typing import Any, ClassVar

from agp.rspl.bounded import BoundedMemory, filled
from agp.rspl.kinds.actions import Changed


class Memory(BoundedMemory):
    """How-tos, in the order of their last change. Beyond a bound the least successful go first."""

    fields: ClassVar = {"name": str, "when": str, "steps": list, "successes": int, "failures": int}
    identity = ("name",)

    def remember(self, name: str, when: str, steps: list[str]) -> Changed:
        """Write down how to do something. A how-to of that name is replaced; new steps are
        counted anew.

        Args:
            name: A short name, for example "convert units".
            when: When to use it, in a sentence.
            steps: What to do, one step each, in order.
        """
        cleaned = [filled("steps", step) for step in steps]
        if not cleaned:
            raise ValueError("steps: there must be at least one")
        name = filled("name", name)
        old = next((item for item in self.items if item["name"] == name), None)
        known = old is not None and old["steps"] == cleaned
        how = {
            "name": name,
            "when": filled("when", when),
            "steps": cleaned,
            "successes": old["successes"] if old and known else 0,
            "failures": old["failures"] if old and known else 0,
        }
        return self._changed([*self._others(name), how], "Updated." if old else "Remembered.")

    def recall(self, query: str, limit: int = 3) -> list[dict[str, Any]]:
        """Find how-tos that share words with a query, best first; what worked more often counts
        more.

        Args:
            query: What is to be done.
            limit: How many at most, 1 to 50.
        """
        texts = [f"{how['name']} {how['when']} {' '.join(how['steps'])}" for how in self.items]
        return self._recalled(query, texts, [self._worth(how) for how in self.items], limit)

    def report(self, name: str, success: bool) -> Changed:
        """Say whether following a how-to worked.

        Args:
            name: Its name.
            success: True if it worked.
        """
        how = self._find(name)
        count = "successes" if success else "failures"
        noted = {**how, count: how[count] + 1}
        return self._changed([*self._others(how["name"]), noted], "Noted.")

    def forget(self, name: str) -> Changed:
        """Remove a how-to.

        Args:
            name: Its name.
        """
        return self._changed(self._others(self._find(name)["name"]), "Forgotten.")

    def _worth(self, item: dict[str, Any]) -> float:
        """The success rate, by Laplace's rule of succession: (s + 1) / (s + f + 2)."""
        return (item["successes"] + 1) / (item["successes"] + item["failures"] + 2)

    def _others(self, name: str) -> list[dict[str, Any]]:
        return [item for item in self.items if item["name"] != name]

    def _find(self, name: str) -> dict[str, Any]:
        wanted = filled("name", name)
        for item in self.items:
            if item["name"] == wanted:
                return item
        known = ", ".join(item["name"] for item in self.items[:20]) or "none"
        raise ValueError(f"there is no how-to {name!r}; there are: {known}")
