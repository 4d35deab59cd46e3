"""Finding samples and their answers in a candidate's text, also where they were disguised.

Texts are compared by letters and digits alone, in one case: spaces, punctuation, line breaks and
look-alike forms do not hide a copy. What looks encoded (base64, hexadecimal, URL, backwards, ROT13)
is read decoded as well. A copy in a cipher of its own is not found here.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast
from urllib.parse import unquote

from agp.evaluation.splits import Splits
from agp.evaluation.types import Sample
from agp.rspl.entities import Record

TELLING = 12
"""An answer of at least this many letters and digits does not stand in a text by chance."""
COPIED = 48
"""This many letters and digits of one task in a row are a copy."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[\s:,]?){8,}")


def copied(candidate: Record, incumbent: Record, splits: Splits) -> str:
    """The id of a sample whose task or answer came into the candidate; empty if none did."""
    samples = [*splits.feedback, *splits.selection, *splits.holdout]
    tasks = [fold(sample.task.input) for sample in samples]
    text, known = "\n".join(_strings(candidate.body())), "\n".join(_strings(incumbent.body()))
    old = fold(known)
    for reading in set(readings(text)) - {old}:
        if found := _found(reading, old, samples, tasks):
            return found
    return ""


def readings(text: str) -> Iterator[str]:
    """What a text may mean, folded: as it stands, and decoded where it looks encoded."""
    yield fold(text)
    yield fold(text)[::-1]
    yield fold(codecs.encode(text, "rot13"))
    if "%" in text:
        yield fold(unquote(text))
    for decoded in _decoded(text):
        yield fold(decoded)


def fold(text: str) -> str:
    """The letters and digits of a text, in one case and one form."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _decoded(text: str) -> Iterator[str]:
    joined = re.sub(r"\s+", "", text)
    for source in (text, joined):
        for found in _BASE64.findall(source):
            body = found.rstrip("=").translate(str.maketrans("-_", "+/"))
            for start in range(min(4, len(body))):  # a stretch may begin amid other letters
                part = body[start:]
                part = part[: len(part) - (len(part) % 4 == 1)]
                with_padding = part + "=" * (-len(part) % 4)
                yield from _text_of(base64.b64decode, with_padding)
    for found in _HEX.findall(text):
        digits = re.sub(r"[\s:,]", "", found)
        yield from _text_of(bytes.fromhex, digits)


def _text_of(decode: Callable[[str], bytes], encoded: str) -> Iterator[str]:
    try:
        yield decode(encoded).decode("utf-8", "ignore")
    except (binascii.Error, ValueError):
        return


def _found(text: str, known: str, samples: Sequence[Sample], tasks: Sequence[str]) -> str:
    new = _stretches(text) - _stretches(known)
    for sample, task in zip(samples, tasks, strict=True):
        answer = fold(sample.target)
        if len(answer) >= TELLING and answer in text and answer not in known:
            return sample.id
        found: set[str] = set()
        if len(task) >= COPIED:
            found = _stretches(task) & new
        elif len(task) >= TELLING and task in text and task not in known:
            found = {task}
        # What several tasks share is the benchmark's standing text, not a sample's.
        if any(sum(piece in other for other in tasks) == 1 for piece in found):
            return sample.id
    return ""


def _stretches(text: str) -> set[str]:
    """Every stretch of the length that counts as a copy."""
    return {text[start : start + COPIED] for start in range(len(text) - COPIED + 1)}


def _strings(value: object) -> Iterator[str]:
    """Every text in plain JSON data, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in cast("Mapping[str, object]", value).items():
            yield key
            yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in cast("list[object]", value):
            yield from _strings(each)
