"""From text to the words that are indexed and looked for: the same on both databases.

A word is a run of letters and digits, lower-cased, without accents, reduced to its stem (Snowball
English). Names in code are split (`readCsv`, `read_csv`); Chinese, Japanese and Korean runs, which
have no spaces, become pairs of characters.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable
from typing import Any, cast

import Stemmer

_WORD = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")
_LONGEST = 40  # what is longer is a digest or data, nothing anybody would type

_STOP = """
a about above across actually after again all almost already also although always am among an
and another any anybody anyone anything are around as ask asked at away back be became because
become been before behind being below best better between both but by came can cannot come
comes could did do does doing done down during each either else enough especially ever every
everybody everyone everything few for from further get gets getting give given gives go goes
going good got had handle happen hardly has have having he help helps her here hers him his how
however i if in indeed into is it its itself just keep kind know knows last later least less
let like likely little long lot made make makes making many may maybe me might mine more most
mostly much must my myself near need needed needs neither never no nobody none nor not nothing
now of off often ok on once one ones only onto or other others ought our ours out over own per
perhaps please possible put quite rather really right said same say says see seem seen several
shall she should since so some somebody someone something sometimes somewhere soon still such
sure take taken takes tell than thanks that the their theirs them themselves then there
therefore these they thing things think this those though through thus to together too toward
two under until up upon us use used user uses using usually very via want wants was way we well
went were what whatever when where whether which while who whom whose why will with within
without won would yes yet you your yours yourself
"""
STOP_WORDS = frozenset(_STOP.split())


def words_of(text: str, *, stop: bool = True) -> list[str]:
    """The stems of a text in order, without stop words unless ``stop`` is False."""
    if not text.isascii():
        text = _plain(text)
    if not text.islower():
        text = _CAMEL.sub(" ", text).lower()
    pattern = _ASCII_WORD if text.isascii() else _WORD
    found = [word for word in pattern.findall(text) if len(word) <= _LONGEST]
    if stop:
        found = [word for word in found if word not in STOP_WORDS]
    return _stemmers.stem(found)


def misspellings(word: str) -> list[str]:
    """The word and what is left of it when one letter is taken out.

    Two words of which a letter was changed, lost, added or swapped with its neighbour share at
    least one of these (Garbe, "SymSpell"): a typing error becomes an exact match.
    """
    if len(word) < 4 or not word.isalpha():
        return []
    return [word, *dict.fromkeys(word[:i] + word[i + 1 :] for i in range(len(word)))]


def _plain(text: str) -> str:
    """Without accents and compatibility forms; CJK runs as pairs of characters."""
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    # Hangul syllables were taken apart above.
    return _CJK.sub(_pairs, unicodedata.normalize("NFC", text))


def _pairs(run: re.Match[str]) -> str:
    text = run.group()
    return " " + " ".join(text[i : i + 2] for i in range(len(text) - 1)) + " "


class _Stemmers(threading.local):
    """A stemmer keeps state while it works: each thread has its own."""

    def __init__(self) -> None:
        stemmer: Any = cast(Any, Stemmer).Stemmer("english")
        self.stem: Callable[[list[str]], list[str]] = stemmer.stemWords


_stemmers = _Stemmers()
