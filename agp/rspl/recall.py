"""Recall: which of some short texts a query is about, by the words they share.

One ranking for every memory. It is BM25 in the form of Lucene (Robertson and Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond", 2009), over a few hundred texts at most, so
nothing is indexed. What resources there are to find is searched in the database, not here.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

_K1, _B = 1.2, 0.75  # saturation of repeated words, and weight of a text's length

# Chinese and Japanese are written without spaces: each of their characters is a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


def words(text: str) -> list[str]:
    """The words of a text in order, without regard to case."""
    return _WORD.findall(text.casefold())


def relevance(query: str, texts: Sequence[str]) -> list[float]:
    """How well each text fits the query: 0 where no word is shared, more is better.

    A word counts the more, the fewer texts hold it: ``idf · tf / (tf + k1 (1 − b + b l/avg l))``
    with ``idf = ln(1 + (N − n + ½) / (n + ½))``, summed over the query's distinct words.
    """
    counts = [Counter(words(text)) for text in texts]
    lengths = [count.total() for count in counts]
    mean = sum(lengths) / len(lengths) if any(lengths) else 1.0
    scores = [0.0] * len(counts)
    for word in sorted(set(words(query))):
        holding = sum(word in count for count in counts)
        idf = math.log(1 + (len(counts) - holding + 0.5) / (holding + 0.5))
        for i, count in enumerate(counts):
            if often := count[word]:
                scores[i] += idf * often / (often + _K1 * (1 - _B + _B * lengths[i] / mean))
    return scores
