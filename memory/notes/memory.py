"""Notes as plain texts. The list is part of the resource's record, so its history is kept."""

from __future__ import annotations

import re


class Memory:
    """A bounded list of notes.

    Parameters: ``notes`` the content; ``max_notes`` how many are kept (the oldest go first).
    """

    def __init__(self, notes: list[str] | None = None, max_notes: int = 200) -> None:
        self.max_notes = max_notes
        self.notes = tuple(notes or ())[-max_notes:]

    def remember(self, text: str) -> list[str]:
        """The content with one more note, to be committed as the next version."""
        kept = [note for note in self.notes if note != text]
        return [*kept, text][-self.max_notes :]

    def recall(self, query: str, limit: int = 5) -> list[str]:
        """The notes that share most words with ``query``, best first; none that share nothing."""
        wanted = _words(query)
        ranked = sorted(self.notes, key=lambda note: -len(wanted & _words(note)))
        return [note for note in ranked if wanted & _words(note)][:limit]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
