"""Texts without their secrets: each becomes ``[secret:KIND]``, a known one ``[secret:NAME]``.

Redacting what is redacted changes nothing; a text without secrets comes back as the same object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from agp.secrets.scanner import SCANNER, Hit, Machine

UNICODE = "utf-8", "surrogatepass"
_PASSES = 4
_AROUND = 1024
SHORTEST = 8
"""No format, value or named secret is shorter, its name included."""
_SHORT, _MANY_CLEAN = 128, 20_000


class Found(NamedTuple):
    """A secret in a text at characters ``start:end``: ``kind`` is its format, or its name."""

    kind: str
    start: int
    end: int


def find(text: str) -> list[Found]:
    """The secrets in a text, in order."""
    data = text.encode(*UNICODE)
    hits = SCANNER.hits(data)
    if len(data) == len(text):
        return [Found(hit.label, hit.start, hit.end) for hit in hits]
    at = _offsets(data)
    return [Found(hit.label, at(hit.start), at(hit.end)) for hit in hits]


def redact(text: str) -> str:
    """A text without its secrets."""
    return without(text, SCANNER.current())


def redact_known(text: str) -> str:
    """A text without the exact values that this process has resolved; what only looks stays."""
    return without(text, SCANNER.current(), known_only=True)


def without(text: str, machine: Machine, *, known_only: bool = False) -> str:
    """A text without what a machine finds in it."""
    if len(text) < SHORTEST or text in machine.clean:
        return text
    data = text.encode(*UNICODE)
    hits = SCANNER.hits(data, known_only=known_only, machine=machine)
    if not hits:
        if len(text) <= _SHORT and len(machine.clean) < _MANY_CLEAN and not known_only:
            machine.clean.add(text)
        return text
    for _ in range(_PASSES):  # what one secret hid may show once it is gone
        data, marks = _replaced(data, hits)
        if not _shows_more(data, marks, known_only):
            break
        hits = SCANNER.hits(data, known_only=known_only)
    return data.decode(*UNICODE)


def _replaced(data: bytes, hits: list[Hit]) -> tuple[bytes, list[int]]:
    """The text with marks in place of its secrets, and where those are."""
    parts: list[bytes] = []
    marks: list[int] = []
    past = size = 0
    for hit in hits:
        kept, mark = data[past : hit.start], f"[secret:{hit.label}]".encode()
        parts += (kept, mark)
        marks.append(size + len(kept))
        size += len(kept) + len(mark)
        past = hit.end
    return b"".join((*parts, data[past:])), marks


def _shows_more(data: bytes, marks: list[int], known_only: bool) -> bool:
    """Whether there is a secret beside a mark."""
    around = [data[max(0, mark - _AROUND) : mark + _AROUND] for mark in marks]
    if sum(map(len, around)) > len(data):
        around = [data]
    return any(SCANNER.hits(each, known_only=known_only) for each in around)


def _offsets(data: bytes) -> Callable[[int], int]:
    """Byte offset → character offset, for offsets that only go up."""
    begun = characters = 0

    def at(offset: int) -> int:
        nonlocal begun, characters
        characters += len(data[begun:offset].decode(*UNICODE))
        begun = offset
        return characters

    return at
