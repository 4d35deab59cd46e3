"""The origins of all that one task has seen so far."""

from __future__ import annotations

from collections.abc import Iterable


class Carried:
    """Labels that only grow: once a task has seen a text, whatever it writes may come from it.

    Shared by an agent and its sub-agents. ``trace_id`` is that of the task's trace, once it has
    one. Parameters: ``labels`` the origins of the task itself.
    """

    def __init__(self, labels: Iterable[str] = ()) -> None:
        self._labels = set(labels)
        self.trace_id = ""

    @property
    def labels(self) -> list[str]:
        """All labels so far, sorted."""
        return sorted(self._labels)

    def add(self, labels: Iterable[str]) -> None:
        """The task has seen something of these origins."""
        self._labels.update(labels)
