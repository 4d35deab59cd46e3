"""Which documents are worth ranking: a bounded number of them, however many there are.

FTS5's bm25() and PostgreSQL's ts_rank_cd() visit every document that holds a word of the query, so
a common word makes a query as slow as the store is large. Here the database is only asked for the
first few documents that fulfil a condition, the most telling conditions first: all documents with
a rare word; of common words, those that have two of them, or one in the name.
"""

from __future__ import annotations

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
RARE = 80
"""A word in no more documents than this is worth looking at all of them."""
CANDIDATES = 160
"""About as many documents are ranked at most."""
_PART = 40
_COMMON = 4

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

    def count(self, words: Sequence[str]) -> int:
        """In about how many documents any of ``words`` is."""
        query = {"query": self._condition([words]), "limit": COUNTED}
        statement = _SQLITE_COUNT if self._sqlite else _POSTGRESQL_COUNT
        [(found, last)] = self._ask(statement, query)
        if found < COUNTED:
            return found
        return max(found, round(found * self.newest / last))

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
    """Give each group its weight in this index, the rarest first; mend what is misspelled."""
    for group in groups:
        group.matches = index.count(list(group.words))
        if not group.matches:
            _mend(index, group)
        group.idf = math.log1p(max(index.newest, group.matches) / (group.matches + 0.5))
    return sorted((g for g in groups if g.matches), key=lambda group: group.matches)


def candidates(index: Index, groups: Sequence[Group], limit: int) -> list[Candidate]:
    """Documents to rank for groups that are in the index, rarest first."""
    found: dict[int, None] = {}
    for clause, size in _conditions(groups, limit):
        found.update(dict.fromkeys(index.select(clause, size)))
        if len(found) >= max(CANDIDATES, limit):
            break
    return index.load(list(found)) if found else []


def _conditions(groups: Sequence[Group], limit: int) -> Iterator[tuple[Clause, int]]:
    """Conditions, the most telling first, and how many documents to take of each."""
    rare = [group for group in groups if group.matches <= RARE]
    common = [group for group in groups if group.matches > RARE][:_COMMON]
    part = max(_PART, limit)
    yield from (([list(group.words)], max(RARE, limit)) for group in rare[:2])
    for size in (len(common), 2):
        if 2 <= size <= len(common):
            for some in combinations(common, size):
                yield [_marked(HEAD, group) for group in some], part
    yield from (([_marked(TITLE, group)], part) for group in common)
    yield from (([list(group.words)], max(RARE, limit)) for group in rare[2:])
    yield from (([_marked(HEAD, group)], part) for group in common)
    yield from (([list(group.words) for group in pair], part) for pair in combinations(common, 2))
    yield from (([list(group.words)], part) for group in common)


def _marked(mark: str, group: Group) -> list[str]:
    return [mark + word for word in group.words]


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
    group.matches = index.count(list(group.words))


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
_SQLITE_COUNT = text(
    "SELECT count(*), max(rowid) FROM "
    "(SELECT rowid FROM search WHERE search MATCH :query ORDER BY rowid LIMIT :limit)"
)
_POSTGRESQL_SELECT = text(
    f"SELECT documents.id FROM documents {_LIVE.replace('CROSS JOIN', 'JOIN')} "
    "WHERE vector @@ CAST(:query AS tsquery) LIMIT :limit"
)
_POSTGRESQL_COUNT = text(
    "SELECT count(*), max(id) FROM (SELECT id FROM documents "
    "WHERE vector @@ CAST(:query AS tsquery) LIMIT :limit) AS first"
)
_LOAD = text(
    "SELECT digest, type, name, title, about, content FROM documents WHERE id IN :ids ORDER BY id"
).bindparams(bindparam("ids", expanding=True))
