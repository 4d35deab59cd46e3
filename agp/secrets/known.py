"""Exact values this process has resolved, and the forms they take when they are encoded.

Values come from environment variables with secret-like names, and from whoever calls `remember`
(references that were resolved, passwords of stores). They are held in memory only.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus, urlsplit

from agp.secrets.plausible import Strength, is_secret

_NAME = re.compile(
    r"(?i)(?:^|_)(?:key|apikey|token|secret|secrets|password|passwd|passphrase|pass|pwd|credential"
    r"|credentials|cookie|pat|authorization|auth|dsn)(?:_|\d|$)"
    r"|(?:apikey|token|secret|password)$"
)
_NOT_ITSELF = re.compile(
    r"(?i)_(?:file|path|dir|url|uri|sock|socket|host|port|name|id|type|count|limit|length|ttl|expiry"
    r"|expires|region|version|endpoint|user|username|method|mode|enabled)$|^(?:old)?pwd$"
)
_SHORTEST, _SHORTEST_FORM = 8, 8
_LONGEST_ENCODED = 8192
_SHORTEST_LINE, _MOST_LINES = 24, 500
_SPACES = bytes.maketrans(b"", b"")
_LEFT_OUT = b" \t\r\n:\x00"
_ESCAPED_SPACES = re.compile(rb"\\[nrt]|\\u0000")
_GAP = rb"(?:[ \t\r\n:\x00]|\\[nrt]|\\u0000)*"


class Known(NamedTuple):
    """Needles (in lower case) → the name of the secret that each is a form of.

    ``whole`` are looked for in a text, ``compact`` in a text without whitespace.
    """

    whole: Mapping[bytes, str]
    compact: Mapping[bytes, str]


class Values:
    """The values of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._environment: Any = None
        self._found: dict[str, str] = {}
        self._told: dict[str, str] = {}
        self.version = 0
        """Goes up whenever a value is added."""

    def remember(self, value: str, name: str) -> None:
        """Treat a value as secret from now on, unless it is too short or plain to be one."""
        if _is_trivial(value) or self._told.get(value) == name:
            return
        with self._lock:
            self._told = {**self._told, value: name}
            self.version += 1

    def refresh(self) -> int:
        """Look at the environment again, where it has changed; returns the version."""
        # The mapping below os.environ compares in microseconds, because its values are the same.
        environment: Any = getattr(os.environ, "_data", None) or dict(os.environ)
        if environment != self._environment:
            with self._lock:
                self._environment = dict(environment)
                found = {**self._found, **dict(_of_environment(os.environ))}
                self.version += found != self._found
                self._found = found  # what was secret stays so after the variable is gone
        return self.version

    def known(self) -> Known:
        """The needles of all values."""
        whole: dict[bytes, str] = {}
        compact: dict[bytes, str] = {}
        for value, name in {**self._found, **self._told}.items():
            label = re.sub(r"[^A-Za-z0-9_.-]", "_", name) or "value"
            for form in _forms(value):
                low = form.lower()
                whole.setdefault(low, label)
                if len(pressed := pressed_together(low)) >= _SHORTEST_FORM:
                    compact.setdefault(pressed, label)
        return Known(whole, compact)


VALUES = Values()
"""Those of this process."""


def remember(value: str, name: str) -> None:
    """Redact ``value``, and its encoded forms, from now on wherever this process writes.

    Parameters: ``name`` stands in its place: ``[secret:NAME]``. Values shorter than 8 characters,
    plain short words and paths are not taken: they would be found everywhere.
    """
    VALUES.remember(value, name)


def remember_variable(name: str, value: str) -> None:
    """Remember what a configuration refers to, where its name or its look says it is secret."""
    if is_secret_variable(name) or is_secret(value.encode(), Strength.KEY, quoted=True):
        VALUES.remember(value, name)


def is_secret_variable(name: str) -> bool:
    """Whether an environment variable is called like one that holds a secret."""
    return bool(_NAME.search(name)) and not _NOT_ITSELF.search(name)


def pressed_together(data: bytes) -> bytes:
    """``data`` without whitespace, colons and NULs, escaped ones too: wrapped lines become one."""
    if b"\\" in data:
        data = _ESCAPED_SPACES.sub(b"", data)
    return data.translate(_SPACES, _LEFT_OUT)


def spread(needle: bytes) -> re.Pattern[bytes]:
    """What finds a compact needle in the text it was pressed out of."""
    letters = [re.escape(needle[at : at + 1]) for at in range(len(needle))]
    return re.compile(_GAP.join(letters), re.IGNORECASE)


def _of_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environment.items():
        if is_secret_variable(name):
            for each in [value, *(value.split(",") if "," in value else ())]:
                if not _is_trivial(each.strip()):
                    yield each.strip(), name
        if "://" in value and (password := url_password(value)) and not _is_trivial(password):
            yield password, name


def url_password(url: str) -> str | None:
    """The password in a URL, as it is written there."""
    try:
        return urlsplit(url).password
    except ValueError:
        return None


def _is_trivial(value: str) -> bool:
    """Too short or too plain: it would be found where nobody wrote a secret."""
    return (
        len(value) < _SHORTEST
        or len(set(value)) < 4
        or (value.isalpha() and value.islower() and len(value) < 12)
        or (value.isdigit() and len(value) < 12)
        or (value.startswith(("/", "~/", "./")) and _is_path(value))
        or "[secret:" in value
    )


def _is_path(value: str) -> bool:
    path = Path(value).expanduser() if value.startswith("~/") else Path(value)
    try:
        return path.exists() or (path.parent.exists() and len(path.parts) > 2)
    except (OSError, ValueError, RuntimeError):
        return False


def _forms(value: str) -> Iterator[bytes]:
    """A value as it is, and as programs write it."""
    plain = value.encode("utf-8", "surrogatepass")
    yield plain
    for ascii_only in (True, False):
        escaped = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield escaped.encode("utf-8", "surrogatepass")
        yield json.dumps(escaped)[1:-1].encode("utf-8", "surrogatepass")
    if len(plain) > _LONGEST_ENCODED:
        yield from _lines(plain)
        return
    yield plain[::-1]
    yield repr(value)[1:-1].encode("utf-8", "surrogatepass")
    yield html.escape(value).encode("utf-8", "surrogatepass")
    for data in (plain, value.encode("utf-16-le", "surrogatepass")):
        yield data.hex().encode()
        yield from (form for form in _base64(data) if len(form) >= _SHORTEST_FORM)
    yield value.encode("utf-16-le", "surrogatepass")
    yield "".join(f"%{byte:02x}" for byte in plain).encode()
    yield "".join(f"\\x{byte:02x}" for byte in plain).encode()
    for written in (quote, quote_plus):
        for safe in ("", "/"):
            yield written(plain, safe=safe).encode()
    yield from _lines(plain)


def _base64(data: bytes) -> Iterator[bytes]:
    """The middle of the base64 of any text that ``data`` is part of, at its three alignments."""
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + data)
        first = (0, 2, 3)[shift]  # the characters that depend on what comes before
        last = len(encoded) - (0, 3, 2)[(shift + len(data)) % 3]  # … and after, with the padding
        middle = encoded[first:last]
        yield middle
        yield middle.translate(bytes.maketrans(b"+/", b"-_"))


def _lines(data: bytes) -> Iterable[bytes]:
    """The long lines of a value of several: a key is known by any of them."""
    lines = data.splitlines()
    return (
        [each for each in lines if len(each) >= _SHORTEST_LINE][:_MOST_LINES] if lines[1:] else []
    )
