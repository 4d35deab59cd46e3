"""Retrieval by meaning in words: which live resources answer a query.

`documents.py` and `words.py` say what is indexed, `index.py` keeps it with each commit, `query.py`,
`related.py` (with the table in thesaurus/), `candidates.py` and `ranking.py` answer from it,
`vectors.py` adds embeddings where they are asked for, `find.py` is the way in. One ranking serves
both databases; they only select.
"""

from agp.rspl.search.find import Hit, find
from agp.rspl.search.index import add, check, drop, fill, rebuild
from agp.rspl.search.vectors import Embedder, Progress

__all__ = ["Embedder", "Hit", "Progress", "add", "check", "drop", "fill", "find", "rebuild"]
