"""What a query asks for: groups of words that mean the same, and the filters beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agp.errors import InputError
from agp.rspl.entities import EntityType
from agp.rspl.search.documents import TYPE, tag_word
from agp.rspl.search.related import related
from agp.rspl.search.words import words_of

QUERY_CHARS = 2_000
"""How much of a query is read."""
QUERY_WORDS = 24
"""How many different words of it are looked for."""
TELLING = 8
"""How many words of a group documents are selected by; all count in the ranking."""


@dataclass
class Group:
    """One word of the query and what may stand in its place, each with its weight (0 to 1).

    Until the index was asked, ``counts`` is empty: in about how many documents each word is. Then
    ``words`` are those that are in any, their weights multiplied by what finding them tells.
    """

    words: dict[str, float]
    counts: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def best(self) -> float:
        """The weight of the word that tells most."""
        return max(self.words.values())

    @property
    def telling(self) -> list[str]:
        """The words that tell most, the best first."""
        return sorted(self.words, key=lambda word: -self.words[word])[:TELLING]


def readable(query: str) -> str:
    """The part of a query that is read, without what is no character."""
    return query[:QUERY_CHARS].replace("\0", " ").encode("utf-8", "ignore").decode()


def groups_of(query: str) -> list[Group]:
    """The groups of a query, in its order.

    Any text is fine as long as it has a word in it. Raises InputError otherwise.
    """
    text = readable(query)
    found = words_of(text) or words_of(text, stop=False)
    if not found:
        raise InputError(
            f"The query {query[:40]!r} holds no word to look for.",
            hint='Say in a few words what is wanted, as in: agp search "read a text file"',
        )
    distinct = list(dict.fromkeys(found))[:QUERY_WORDS]
    return [Group({**related(word), word: 1.0}) for word in distinct]


def filters_of(types: Sequence[EntityType], tags: Sequence[str]) -> list[list[str]]:
    """Index words that a document must have: one of each list."""
    filters = [[tag_word(tag)] for tag in tags]
    return [[TYPE + type_.value for type_ in types], *filters] if types else filters
