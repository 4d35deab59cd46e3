"""Finding secrets in a text: one pass for everything they begin with, then patterns on the spot.

Works on UTF-8 bytes. A text of a megabyte takes milliseconds: the pass is an Aho-Corasick
automaton over the anchors of all formats, the words of names, and every form of every exact value.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from ahocorasick_rs import BytesAhoCorasick, Implementation

from agp.secrets.formats import DOTTED, RULES, Rule, dotted_head
from agp.secrets.known import VALUES, Values, pressed_together, spread
from agp.secrets.named import AUTHS, HEADERS, NAMES, value_after
from agp.secrets.plausible import MARK

_LARGEST_DFA = 200_000
"""Bytes of needles up to which the fastest automaton, which is also the largest, is built."""
_ESCAPES = b"nrtbf"
_LONGER = frozenset(bytes([letter]) for letter in b"abcdefghijklmnopqrstuvwxyz.,;()")
"""What shows at once that a name is not the end of a word, or is no name."""
_COUNTS = frozenset((b"_c", b"_i", b"_u", b"_n", b"_f", b"_b", b"_m"))
"""The same, of ``token_count``, ``token_id``, ``token_usage``, ``secret_name`` …"""
_REST = re.compile(rb"[A-Za-z0-9_.=/+~-]+")
_MARKED = re.compile(rb"\[secret:[A-Za-z0-9_.-]{1,80}\]")


class Hit(NamedTuple):
    """A secret at bytes ``start:end``; ``label`` is the name of a known one, or its kind."""

    start: int
    end: int
    label: str


class Machine(NamedTuple):
    """What a text is searched with, for one version of the known values."""

    version: int
    automaton: BytesAhoCorasick
    meanings: list[Rule | bytes | str]
    """Of each pattern of the automaton: a format, the last word of a name, or a known secret."""
    compact: BytesAhoCorasick | None
    needles: list[bytes]
    labels: list[str]
    clean: set[str]
    """Short texts in which nothing was found: names and digests come again and again."""
    keys: set[str]
    """Keys of structured data in which nothing was found, and whose values are no secrets."""


class Scanner:
    """Searches texts for what is known and for what looks like a secret."""

    def __init__(self, values: Values = VALUES) -> None:
        self._values = values
        self._lock = threading.Lock()
        self._machine: Machine | None = None

    def hits(
        self, data: bytes, *, known_only: bool = False, machine: Machine | None = None
    ) -> list[Hit]:
        """Secrets in a text, in order; those that overlap are one.

        ``known_only`` leaves out what only looks like a secret; ``machine`` is what `current`
        gave a moment ago.
        """
        machine = machine or self.current()
        low = data.lower()
        found = list(self._in(machine, data, low, known_only))
        if machine.compact is not None:
            found += _wrapped(machine, machine.compact, data, low)
        if not known_only:
            found += _dotted(data)
        return _joined(_outside_marks(found, data)) if found else []

    def may_show(self, data: bytes, machine: Machine) -> bool:
        """Whether anything that a secret begins with is there; where not, there is no hit.

        Joining texts by line ends can add to what begins somewhere, and takes nothing away.
        """
        low = data.lower()
        for index, _, end in machine.automaton.find_matches_as_indexes(low, overlapping=True):
            word = isinstance(machine.meanings[index], bytes)
            if not word or not (low[end : end + 1] in _LONGER or low[end : end + 2] in _COUNTS):
                return True
        if machine.compact is not None:
            pressed = pressed_together(low)
            if len(pressed) != len(low) and machine.compact.find_matches_as_indexes(pressed):
                return True
        return DOTTED.search(data) is not None

    def current(self) -> Machine:
        """What texts are searched with now: it changes with the environment."""
        version = self._values.refresh()
        machine = self._machine
        if machine is None or machine.version != version:
            with self._lock:
                machine = self._machine = _built(version, self._values)
        return machine

    def _in(self, machine: Machine, data: bytes, low: bytes, known_only: bool) -> Iterator[Hit]:
        meanings = machine.meanings
        past = named = 0  # what is inside a secret is not looked at again
        for index, start, end in machine.automaton.find_matches_as_indexes(low, overlapping=True):
            meaning = meanings[index]
            if isinstance(meaning, str):
                yield Hit(start, end, meaning)
                continue
            if known_only:
                continue
            if isinstance(meaning, Rule):
                hit = _of_rule(meaning, data, start) if start >= past else None
                past = max(past, hit.end) if hit else past
            elif low[end : end + 1] in _LONGER or low[end : end + 2] in _COUNTS:
                continue
            else:
                hit = _of_name(meaning, data, start, end) if start >= max(past, named) else None
                named = max(named, hit.end) if hit else named
            if hit is not None:
                yield hit


def _built(version: int, values: Values) -> Machine:
    known = values.known()
    patterns: list[bytes] = []
    meanings: list[Rule | bytes | str] = []
    for rule in RULES:
        patterns += rule.anchors
        meanings += [rule] * len(rule.anchors)
    for word in (*HEADERS, *AUTHS, *NAMES):
        patterns.append(word)
        meanings.append(word)
    patterns += known.whole
    meanings += known.whole.values()
    compact = _automaton(list(known.compact)) if known.compact else None
    needles, labels = list(known.compact), list(known.compact.values())
    return Machine(version, _automaton(patterns), meanings, compact, needles, labels, set(), set())


def _automaton(patterns: list[bytes]) -> BytesAhoCorasick:
    small = sum(map(len, patterns)) <= _LARGEST_DFA
    return BytesAhoCorasick(patterns, implementation=Implementation.DFA if small else None)


def _of_name(name: bytes, data: bytes, start: int, end: int) -> Hit | None:
    if data.startswith(MARK, start - 1 if start else 0):
        return None
    span = value_after(data, start, end, name)
    return Hit(*span, name.decode().strip('_"')) if span else None


def _of_rule(rule: Rule, data: bytes, start: int) -> Hit | None:
    for first in range(max(0, start - rule.back), start + 1):
        reach = start + rule.reach
        found = rule.pattern.match(data, first, reach)
        if found is not None:
            break
    else:
        return None
    group = 1 if found.re.groups else 0
    if rule.apart and not _is_apart(data, found.start()):
        return None
    if rule.check is not None and not rule.check(found[group]):
        return None
    begin, end = found.span(group)
    if end == reach and (rest := _REST.match(data, end)):
        end = rest.end()
    return Hit(begin, end, rule.kind)


def _is_apart(data: bytes, at: int) -> bool:
    """Whether a word begins here: nothing of one comes before, or an escape (``\\n``, ``%3D``)."""
    if at == 0 or not data[at - 1 : at].isalnum():
        return True
    before = data[max(0, at - 6) : at]
    return (
        (before[-2:-1] == b"\\" and before[-1] in _ESCAPES)
        or before[-3:-2] == b"%"
        or before[:2] == b"\\u"
    )


def _wrapped(
    machine: Machine, automaton: BytesAhoCorasick, data: bytes, low: bytes
) -> Iterator[Hit]:
    """Known secrets that are broken by whitespace: base64 in lines, bytes in columns."""
    pressed = pressed_together(low)
    if len(pressed) == len(low):
        return
    indexes = {each[0] for each in automaton.find_matches_as_indexes(pressed, overlapping=True)}
    for index in indexes:
        for found in spread(machine.needles[index]).finditer(data):
            yield Hit(*found.span(), machine.labels[index])


def _dotted(data: bytes) -> Iterator[Hit]:
    for found in DOTTED.finditer(data):
        first = max(0, found.start() - 28)
        head = dotted_head(data[first : found.start()])
        if head is not None:
            yield Hit(first + head, found.end(), "discord-token")


def _outside_marks(hits: list[Hit], data: bytes) -> list[Hit]:
    """Hits that do not begin in what stands for a secret already."""
    marks = [found.span() for found in _MARKED.finditer(data)] if MARK in data else []
    if not marks:
        return hits
    firsts = [first for first, _ in marks]

    def is_outside(hit: Hit) -> bool:
        before = bisect_right(firsts, hit.start) - 1
        return before < 0 or hit.start >= marks[before][1]

    return [hit for hit in hits if is_outside(hit)]


def _joined(hits: list[Hit]) -> list[Hit]:
    """Overlapping hits as one, under the name of a known secret if one is among them."""
    hits.sort(key=lambda hit: (hit.start, -hit.end))
    joined: list[Hit] = []
    for hit in hits:
        last = joined[-1] if joined else None
        if last is None or hit.start >= last.end:
            joined.append(hit)
        else:
            joined[-1] = Hit(last.start, max(last.end, hit.end), last.label)
    return joined


SCANNER = Scanner()
"""The one of this process."""
