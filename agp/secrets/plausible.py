"""Telling a secret from what only stands beside a name like ``password``: words, code, references.

Values are bytes as they stand in a text. What is judged here are values only, never names.
"""

from __future__ import annotations

import base64
import binascii
import re
from enum import IntEnum

MARK = b"[secret:"
"""What a redacted secret begins with."""

_TRIVIAL = frozenset(
    b"""pass password passwd passphrase passcode pwd pw secret secrets token key credential
    credentials cookie authorization string text str bytes none null nil true false required
    optional hidden redacted changeme default example sample test testing unknown empty value
    placeholder prompt input env user username admin name field type bearer basic apikey api_key
    plain enabled disabled object number integer boolean array any undefined masked removed
    postgres mysql root guest xxx""".split()
)
_REFERENCE = re.compile(
    rb"\$[\w:]{1,60}$|[$(\[{<]|%\(|%s|%\w+%|\.\.\.|\xe2\x80\xa6|\\u2026|x{4}|your[_\- ]?", re.I
)
_TEMPLATE = re.compile(rb"\*{3}|\{[A-Za-z_][^{}]*\}|<[A-Za-z_ -]+>")
_WORDS = re.compile(rb"[A-Za-z]+(?:[_./:-]+[A-Za-z]+)*[.:!?,]?")
_DOTTED = re.compile(rb"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")
_CODE = re.compile(rb"[A-Za-z_][\w.]*[(\[]")
_PATH = re.compile(
    rb"(?:~|\.{1,2}|[A-Za-z]:)?[/\\](?:[\w .@+-]+[/\\])*[\w .@+-]*|[a-z]+://.*|urn:.*"
)
_NUMBER = re.compile(rb"[\d.,:+TZ/ -]+")
_NAMES = re.compile(rb"passw|secret|token|key|credential|cookie|hash|digest|sha\d|md5", re.I)
_SNAKE = re.compile(rb"[A-Za-z]+\d{0,2}(?:[_-][A-Za-z0-9]+)+")
_LONG_LETTERS = 24
_FEW_DIGITS = 3


class Strength(IntEnum):
    """How much a name promises that its value is secret."""

    TOKEN = 1
    """Also a word of other trades: a token of a text."""
    KEY = 2
    PASSWORD = 3


_SHORTEST = {Strength.TOKEN: 12, Strength.KEY: 8, Strength.PASSWORD: 4}


def is_placeholder(value: bytes) -> bool:
    """Whether a value stands for a secret without being one: ``${VAR}``, ``<key>``, ``***``."""
    low = value.strip().lower()
    return (
        MARK in low
        or low in _TRIVIAL
        or len(set(low)) < 3
        or _REFERENCE.match(low) is not None
        or _TEMPLATE.search(low) is not None
    )


def is_secret(value: bytes, strength: Strength, *, quoted: bool) -> bool:
    """Whether the value of a secret-like name is one, not a word, code, a path or a reference."""
    if len(value) < _SHORTEST[strength] or is_placeholder(value) or re.search(rb"\s", value):
        return False
    if _WORDS.fullmatch(value):
        return _is_letters_only_secret(value, strength, quoted)
    if _DOTTED.fullmatch(value) or _CODE.match(value) or _is_path(value):
        return False
    if _NUMBER.fullmatch(value):
        return strength is Strength.PASSWORD and quoted
    if not quoted and _IDENTIFIER.fullmatch(value):
        return _digits(value) >= 2 and not _NAMES.search(value)
    if strength is Strength.PASSWORD:
        return True
    if _SNAKE.fullmatch(value) and _digits(value) < _FEW_DIGITS:
        return False
    return _digits(value) > 0


def is_basic(value: bytes) -> bool:
    """Whether base64 holds ``user:password``."""
    try:
        plain = base64.b64decode(value + b"=" * (-len(value) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    _, colon, password = plain.partition(":")
    return bool(colon and password) and plain.isprintable()


def is_mixed(value: bytes) -> bool:
    """Letters and digits in one long stretch: words joined by hyphens have none."""
    stretches = re.findall(rb"[A-Za-z0-9]{10,}", value)
    return any(_digits(each) and re.search(rb"[A-Za-z]", each) for each in stretches)


def has_digit(value: bytes) -> bool:
    """Whether there is a digit: random text of that length has one."""
    return _digits(value) > 0


def _is_path(value: bytes) -> bool:
    """A path or an address; base64 may begin with a slash too."""
    return _PATH.fullmatch(value) is not None and not (len(value) > 30 and is_mixed(value))


def _is_letters_only_secret(value: bytes, strength: Strength, quoted: bool) -> bool:
    if strength is Strength.PASSWORD:
        return quoted and value.isalpha() and not _NAMES.search(value)
    upper = sum(65 <= each <= 90 for each in value)
    return len(value) >= _LONG_LETTERS and value.isalpha() and 0.3 < upper / len(value) < 0.7


def _digits(value: bytes) -> int:
    return sum(48 <= each <= 57 for each in value)
