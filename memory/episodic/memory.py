"""What happened, when, and what was learnt from it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, ClassVar

from agp.rspl.bounded import BoundedMemory, filled, tidy
from agp.rspl.kinds.actions import Changed


class Memory(BoundedMemory):
    """Episodes, oldest first: task, outcome, lesson and day. Beyond a bound the oldest go."""

    fields: ClassVar = {"task": str, "outcome": str, "lesson": str, "when": str}

    def remember(self, task: str, outcome: str, lesson: str = "", when: str = "") -> Changed:
        """Remember how a task went. The same episode again is kept once, as the newest.

        Args:
            task: What was asked, in a sentence.
            outcome: What came of it, for example "solved" or "failed: wrong unit".
            lesson: What to do or avoid next time.
            when: The day as YYYY-MM-DD; today if left out.
        """
        episode = {
            "task": filled("task", task),
            "outcome": filled("outcome", outcome),
            "lesson": tidy(lesson),
            "when": _day(when),
        }
        older = [item for item in self.items if item != episode]
        return self._changed([*older, episode], "Remembered.")

    def recall(self, query: str, limit: int = 5) -> list[dict[str, Any]]:
        """Find episodes that share words with a query, best first; of equal fit the newer.

        Args:
            query: What the task at hand is about.
            limit: How many at most, 1 to 50.
        """
        texts = [f"{e['task']} {e['outcome']} {e['lesson']}" for e in self.items]
        # The newest counts up to twice what the oldest does.
        weights = [1 + (i + 1) / len(texts) for i in range(len(texts))]
        return self._recalled(query, texts, weights, limit)

    def recent(self, limit: int = 5) -> list[dict[str, Any]]:
        """List the newest episodes, newest first.

        Args:
            limit: How many at most.
        """
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        return list(self.items[::-1][:limit])


def _day(text: str) -> str:
    if not text:
        return datetime.now(UTC).date().isoformat()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"when: must be a day as YYYY-MM-DD, not {text!r}") from None
