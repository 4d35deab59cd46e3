"""η(a, b): how alike two texts are, as the optimizers' stand-in for token probabilities.

No interface of a hosted model tells how probable another text was, so the paper puts a similarity
of texts where reinforcement learning has a ratio of probabilities (protocol §2.6).
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[぀-ヿ㐀-鿿豈-﫿]|[^\W぀-ヿ㐀-鿿豈-﫿]+|[^\w\s]")


def tokens(text: str) -> list[str]:
    """The tokens of a text: words and numbers, and every other visible character by itself.

    Words are runs of letters, digits and underscores; a Chinese or Japanese character, which
    nothing separates from the next, is a token of its own. White space is no token. A model's own
    tokenizer is left out on purpose: η must mean the same whichever model wrote the texts.
    """
    return _TOKEN.findall(text)


def similarity(a: str, b: str) -> float:
    """η(a, b) = 1 − d(a, b) / max(|a|, |b|), in [0, 1].

    d is the Levenshtein distance over `tokens` (insertions, deletions and replacements cost 1
    each), |a| the number of tokens. Symmetric; η(a, a) = 1, also for two empty texts; an empty
    text and one with tokens have 0. Answers of one token are therefore equal (1) or not (0).
    """
    from rapidfuzz.distance import Levenshtein

    # Numbers instead of words: rapidfuzz compares hashes, and numbers cannot collide.
    vocabulary: dict[str, int] = {}
    first, second = ([vocabulary.setdefault(t, len(vocabulary)) for t in tokens(x)] for x in (a, b))
    return float(Levenshtein.normalized_similarity(first, second))
