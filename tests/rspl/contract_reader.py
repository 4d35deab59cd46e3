"""Reads a contract's text the way a caller must: nothing but the text, no schema."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_DECODER = json.JSONDecoder()
_WORD = re.compile(r"[A-Za-z_]\w*")
_KEY = re.compile(r"\w[\w-]*")
_WORDS = re.compile(r"all different|[a-z ]+ ")
_BULLET = re.compile(r"- `([^`]+)` \(`([^`]+)`, (required|optional|default `[^`]+`)\)")
_WHERE = re.compile(r"- where `([^`]+)` is `([^`]+)`")


@dataclass
class Called:
    """One function as a contract states it."""

    name: str
    arguments: dict[str, tuple[str, bool]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def call(self) -> dict[str, Any]:
        """Arguments for what is required."""
        return {
            name: Value(self.types).of(type_)
            for name, (type_, required) in self.arguments.items()
            if required
        }


def read(text: str) -> dict[str, list[Called]]:
    """Resource → its functions."""
    found: dict[str, list[Called]] = {}
    functions: list[Called] = []
    for line in text.splitlines():
        if line.startswith("## "):
            functions = found.setdefault(line[3:], [])
        elif line.startswith("### `"):
            functions.append(Called(_name(line[5:-1])))
        elif match := _BULLET.match(line):
            need = match[3] == "required"
            functions[-1].arguments[_name(match[1])] = (match[2], need)
        elif match := _WHERE.match(line):
            functions[-1].types[match[1]] = match[2]
        elif line.startswith("- `") and found:
            functions.append(_signature(line[3:-1]))
    return found


def _name(text: str) -> str:
    return json.loads(text) if text.startswith('"') else text


def _signature(line: str) -> Called:
    scan = Scan(line)
    called = Called(scan.key())
    called.arguments = {
        name: (type_, required)
        for name, type_, required in scan.fields("(", ")")
        if name is not None
    }
    if scan.take(" also "):
        scan.type()
    if scan.take(" where "):
        while True:
            name = scan.key()
            scan.expect(" = ")
            called.types[name] = scan.type()
            if not scan.take("; "):
                break
    assert scan.at == len(line), line[scan.at :]
    return called


class Scan:
    """Reads types in words from a line; `type` gives the text of one, the rest follow it."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def take(self, word: str) -> bool:
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return True
        return False

    def expect(self, word: str) -> None:
        assert self.take(word), f"{word!r} expected: {self.text[self.at :]!r}"

    def json(self) -> Any:
        value, self.at = _DECODER.raw_decode(self.text, self.at)
        return value

    def key(self) -> str:
        if self.text.startswith('"', self.at):
            return self.json()
        found = _KEY.match(self.text, self.at)
        assert found, self.text[self.at :]
        self.at = found.end()
        return found[0]

    def fields(self, opening: str, closing: str) -> list[tuple[str | None, str, bool]]:
        """Name (None for any other), type, and whether it is required."""
        self.expect(opening)
        found: list[tuple[str | None, str, bool]] = []
        while not self.take(closing):
            name = None if self.take("...") else self.key()
            optional = self.take("?") or name is None
            self.expect(": ")
            found.append((name, self.type(), not optional))
            if self.take(" = "):
                self.json()
            self.take(", ")
        return found

    def type(self) -> str:
        start = self.at
        Value({}).union(self)
        return self.text[start : self.at]


Make = Any  # a function that makes a value, once the sizes of the types around it are known


class Value:
    """Values of types in words. Parsing gives makers, for a type may mean itself."""

    def __init__(self, types: dict[str, str]) -> None:
        self.types, self.depth = types, 0

    def of(self, text: str) -> Any:
        scan = Scan(text)
        make = self.union(scan)
        assert scan.at == len(text), text[scan.at :]
        return make()

    def union(self, scan: Scan) -> Make:
        makers = [self.unary(scan)]
        while scan.take(" | "):
            makers.append(self.unary(scan))
        return lambda: _first(makers)

    def unary(self, scan: Scan) -> Make:
        if scan.take("("):
            make = self.union(scan)
            scan.expect(")")
            return make
        if scan.take("{"):
            scan.at -= 1
            return self.object(scan)
        if scan.take("list"):
            limits = self.limits(scan)
            item = self.unary(scan) if scan.take(" of ") else lambda: 0
            size = int(limits.get("at least", 0))
            return lambda: [item() for _ in range(size)]
        found = _WORD.match(scan.text, scan.at)
        if not found or found[0] in ("true", "false", "null"):
            value = scan.json()
            return lambda: value
        scan.at = found.end()
        return self.named(found[0], self.limits(scan))

    def object(self, scan: Scan) -> Make:
        fields = scan.fields("{", "}")
        return lambda: {name: self.of(type_) for name, type_, required in fields if required}

    def limits(self, scan: Scan) -> dict[str, float]:
        """What stands in brackets: words with a JSON value each, whatever is in a text of it."""
        if not scan.take(" ("):
            return {}
        found: dict[str, float] = {}
        while not scan.take(")"):
            words = _WORDS.match(scan.text, scan.at)
            assert words, scan.text[scan.at :]
            scan.at = words.end()
            if words[0] != "all different":
                found[words[0].strip()] = scan.json()
                scan.take(" characters") or scan.take(" items") or scan.take(" keys")
            scan.take(", ")
        return found

    def named(self, word: str, limits: dict[str, float]) -> Make:
        if word in self.types:
            return lambda: self._deeper(self.types[word])
        low = limits.get("at least", limits.get("above", 0))
        made = {
            "text": "x" * int(limits.get("at least", 1)),
            "integer": int(low),
            "number": low,
            "boolean": True,
            "any": 0,
            "object": {},
        }
        assert word in made or not self.types, word  # a signature names its types at its end
        return lambda: made[word]

    def _deeper(self, type_: str) -> Any:
        if self.depth > 5:
            raise RecursionError
        self.depth += 1
        try:
            return self.of(type_)
        finally:
            self.depth -= 1


def _first(makers: list[Make]) -> Any:
    for make in makers[:-1]:
        try:
            return make()
        except RecursionError:
            continue
    return makers[-1]()
