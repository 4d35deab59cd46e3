"""What a text may mean: as it stands, and decoded where it looks encoded.

Texts are compared by letters and digits alone, in one case: spaces, punctuation, line breaks and
look-alike forms do not hide anything. What looks encoded is read decoded as well, also where one
encoding lies in another. A cipher of somebody's own is not read here.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import unquote

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_BASE32 = re.compile(r"[A-Z2-7]{16,}={0,6}")
_BASE85 = re.compile(r"[!-~]{20,}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[\s:,]?){8,}")
_CODES = re.compile(r"\d{2,3}(?:[\s,;]+\d{2,3}){7,}")
_ESCAPES = re.compile(r"(?:\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4})")
_SHIFTS = 26
_DEEPEST = 2
_LARGEST_UNPACKED = 1_000_000
_LARGEST_CIPHER = 40_000
"""Texts beyond this are not read in every shift of the alphabet: it would take seconds."""


def fold(text: str) -> str:
    """The letters and digits of a text, in one case and one form."""
    if text.isascii():
        return "".join(filter(str.isalnum, text.lower()))
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def readings(text: str) -> Iterator[str]:
    """What a text may mean, folded: as it stands, backwards, shifted, and decoded."""
    folded = fold(text)
    yield folded
    yield folded[::-1]
    if len(text) <= _LARGEST_CIPHER:
        lower = folded.translate
        yield from (lower(table) for table in _CIPHERS)
    else:
        yield fold(codecs.encode(text, "rot13"))
    for decoded in decodings(text):
        yield (folded := fold(decoded))
        yield folded[::-1]
        yield folded.translate(_CIPHERS[_SHIFTS // 2 - 1])


def decodings(text: str, depth: int = _DEEPEST) -> Iterator[str]:
    """The texts that encoded parts of a text hold, and those within them."""
    for decoded in _decoded(text):
        yield decoded
        if depth > 1:
            yield from decodings(decoded, depth - 1)


def _decoded(text: str) -> Iterator[str]:
    if "%" in text and (plain := unquote(text)) != text:
        yield plain
    if "&" in text and (plain := html.unescape(text)) != text:
        yield plain
    if "\\" in text and (plain := _ESCAPES.sub(_character, text)) != text:
        yield plain
    joined = re.sub(r"\s+", "", text)
    for source in dict.fromkeys((text, joined)):
        yield from _base64(source)
        for found in _BASE32.findall(source):
            body = found.rstrip("=")
            yield from _text_of(base64.b32decode, body + "=" * (-len(body) % 8))
    for found in _BASE85.findall(text):
        yield from _text_of(base64.b85decode, found)
        yield from _text_of(base64.a85decode, found)
    for found in _HEX.findall(text):
        yield from _text_of(bytes.fromhex, re.sub(r"[\s:,]", "", found))
    for found in _CODES.findall(text):
        codes = [int(code) for code in re.findall(r"\d+", found)]
        if max(codes) < 256:
            yield "".join(map(chr, codes))


def _base64(source: str) -> Iterator[str]:
    for found in _BASE64.findall(source):
        body = found.rstrip("=").translate(str.maketrans("-_", "+/"))
        for start in range(min(4, len(body))):  # a stretch may begin amid other letters
            part = body[start:]
            part = part[: len(part) - (len(part) % 4 == 1)]
            yield from _text_of(base64.b64decode, part + "=" * (-len(part) % 4))


def _text_of(decode: Callable[[str], bytes], encoded: str) -> Iterator[str]:
    try:
        found = decode(encoded)
    except (binascii.Error, ValueError):
        return
    yield found.decode("utf-8", "ignore")
    for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # zlib or gzip; bare
        try:
            unpacked = zlib.decompressobj(window).decompress(found, _LARGEST_UNPACKED)
        except zlib.error:
            continue
        yield unpacked.decode("utf-8", "ignore")


def _character(match: re.Match[str]) -> str:
    return chr(int(match[0][2:], 16))


def _cipher(shift: int) -> dict[int, int]:
    letters = range(ord("a"), ord("z") + 1)
    return {c: letters[(c - letters[0] + shift) % _SHIFTS] for c in letters}


_CIPHERS = [_cipher(shift) for shift in range(1, _SHIFTS)]
