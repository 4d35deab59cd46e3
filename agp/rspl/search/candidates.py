"""Which documents are worth ranking: a bounded number of them, however many there are.

FTS5's bm25() and PostgreSQL's ts_rank_cd() visit every document that holds a word of the query, so
a common word makes a query as slow as the store is large. Here the database is only asked for the
first few documents that fulfil a condition, the most telling conditions first: all documents with
rare words; of common words, those that have two of them, or one in the name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.orm import Session

from agp.rspl.search.documents import HEAD, SPELLED, TITLE
from agp.rspl.search.query import Group
from agp.rspl.search.words import misspellings

COUNTED = 200
"""From this many documents on, a word's frequency is estimated from the first ones."""
CANDIDATES = 160
"""About as many documents are ranked at most."""
_RARE = 80
"""Words are rare that are in no more documents than this together: all of these are ranked."""
_PART = 40
_GROUPS = 4

Clause = Sequence[Sequence[str]]
"""Words that a document must have: one of each list."""


class Candidate(NamedTuple):
    """A document to be ranked; see `agp.rspl.search.documents.document`."""

    digest: str
    type: str
    name: str
    title: str
    about: str
    content: str


class Index:
    """The inverted index of one store as one branch sees it, in one read transaction."""

    def __init__(self, session: Session, branch: str, filters: Clause) -> None:
        self.connection = session.connection()
        self.branch = branch
        self.filters = list(filters)
        self._sqlite = self.connection.dialect.name == "sqlite"
        self.newest: int = self._ask(text("SELECT max(id) FROM documents"), {})[0][0] or 0

    def count(self, words: Sequence[str]) -> dict[str, int]:
        """In about how many documents each of ``words`` is, of those that are in any."""
        statement = _SQLITE_COUNT if self._sqlite else _POSTGRESQL_COUNT
        queries = {self._condition([[word]]): word for word in words}
        given = {"queries": json.dumps(list(queries)), "counted": COUNTED, "newest": self.newest}
        return {queries[query]: count for query, count in self._ask(statement, given) if count}

    def select(self, clause: Clause, limit: int) -> list[int]:
        """Ids of the first ``limit`` documents that fulfil a clause and the filters."""
        query = self._condition([*clause, *self.filters])
        statement = _SQLITE_SELECT if self._sqlite else _POSTGRESQL_SELECT
        given = {"query": query, "branch": self.branch, "limit": limit}
        return [id_ for (id_,) in self._ask(statement, given)]

    def load(self, ids: Sequence[int]) -> list[Candidate]:
        """The documents with these ids."""
        return [Candidate(*row) for row in self._ask(_LOAD, {"ids": list(ids)})]

    def _ask(self, statement: TextClause, given: dict[str, Any]) -> Sequence[Any]:
        return self.connection.execute(statement, given).fetchall()

    def _condition(self, clause: Clause) -> str:
        either, both = (" OR ", " AND ") if self._sqlite else (" | ", " & ")
        quote = '"' if self._sqlite else "'"
        options = ([f"{quote}{word}{quote}" for word in words] for words in clause)
        return both.join(f"({either.join(words)})" for words in options)


def weigh(index: Index, groups: Sequence[Group]) -> list[Group]:
    """Weigh each word by how rare it is in this index; mend what is misspelled.

    The groups that are in the index, those that tell most first.
    """
    counts = index.count([word for group in groups for word in group.words])
    for group in groups:
        if counts.keys().isdisjoint(group.words):
            _mend(index, group)
            counts |= index.count(list(group.words))
        group.counts = {word: counts[word] for word in group.words if word in counts}
        group.words = {
            word: group.words[word] * math.log1p(max(index.newest, count) / (count + 0.5))
            for word, count in group.counts.items()
        }
    return sorted((group for group in groups if group.words), key=lambda group: -group.best)


def candidates(index: Index, groups: Sequence[Group], limit: int) -> list[Candidate]:
    """Documents to rank for groups that are in the index, the most telling first."""
    found: dict[int, None] = {}
    for clause, size in _conditions(groups, limit):
        found.update(dict.fromkeys(index.select(clause, size)))
        if len(found) >= max(CANDIDATES, limit):
            break
    return index.load(list(found)) if found else []


def _conditions(groups: Sequence[Group], limit: int) -> Iterator[tuple[Clause, int]]:
    """Conditions, the most telling first, and how many documents to take of each."""
    rare = _rare(groups)
    if rare:  # all documents with them are found by this: below they can be left out
        yield [rare], max(_RARE, limit)
    common = [[word for word in group.telling if word not in rare] for group in groups]
    common = [words for words in common if words]
    some = common[:_GROUPS]
    pairs = list(combinations(some, 2))
    part = max(_PART, limit)
    if len(some) > 2:
        yield [_marked(HEAD, words) for words in some], part
    yield from (([_marked(HEAD, words) for words in pair], part) for pair in pairs)
    yield from (([_marked(TITLE, words)], part) for words in some)
    yield from (([_marked(HEAD, words)], part) for words in some)
    yield from ((pair, part) for pair in pairs)
    yield from (([words], part) for words in common)


def _rare(groups: Sequence[Group]) -> list[str]:
    """The rare words that tell most, as many as have few documents together."""
    found: list[str] = []
    room = _RARE
    words = {word: weight for group in groups for word, weight in group.words.items()}
    counts = {word: count for group in groups for word, count in group.counts.items()}
    for word in sorted(words, key=lambda word: -words[word]):
        if counts[word] <= room:
            found.append(word)
            room -= counts[word]
    return found


def _marked(mark: str, words: Sequence[str]) -> list[str]:
    return [mark + word for word in words]


def _mend(index: Index, group: Group) -> None:
    """Put words of names and descriptions that differ by one letter in the place of a word."""
    for word in list(group.words):
        forms = misspellings(word)
        if not forms:
            continue
        near = index.load(index.select([[SPELLED + form for form in forms]], _PART))
        known = {each for document in near for each in (document.title + document.about).split()}
        for each in known:
            if not set(misspellings(each)).isdisjoint(forms):
                group.words[each] = _MENDED


_MENDED = 0.8

_LIVE = (
    "CROSS JOIN refs ON refs.branch = :branch AND refs.type = documents.type "
    "AND refs.name = documents.name AND refs.digest = documents.digest "
)
# CROSS JOIN tells SQLite's planner to begin with the inverted index.
_SQLITE_SELECT = text(
    "SELECT documents.id FROM search CROSS JOIN documents ON documents.id = search.rowid "
    f"{_LIVE} WHERE search MATCH :query ORDER BY search.rowid LIMIT :limit"
)
_ESTIMATE = "CASE WHEN count(*) < :counted THEN count(*) ELSE count(*) * :newest / max(id) END"
_SQLITE_COUNT = text(
    f"SELECT each.value, (SELECT {_ESTIMATE} FROM (SELECT rowid AS id FROM search "
    "WHERE search MATCH each.value ORDER BY rowid LIMIT :counted)) FROM json_each(:queries) AS each"
)
_POSTGRESQL_COUNT = text(
    f"SELECT each.value, (SELECT {_ESTIMATE} FROM (SELECT id FROM documents "
    "WHERE vector @@ CAST(each.value AS tsquery) LIMIT :counted) AS first) "
    "FROM json_array_elements_text(CAST(:queries AS json)) AS each"
)
_POSTGRESQL_SELECT = text(
    f"SELECT documents.id FROM documents {_LIVE.replace('CROSS JOIN', 'JOIN')} "
    "WHERE vector @@ CAST(:query AS tsquery) LIMIT :limit"
)
_LOAD = text(
    "SELECT digest, type, name, title, about, content FROM documents WHERE id IN :ids ORDER BY id"
).bindparams(bindparam("ids", expanding=True))
