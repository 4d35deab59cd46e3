"""What a text reaches when it is used as a format: attributes that no syntax tree shows."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

_HIDDEN = re.compile(r"\.\s*(_\w*)|\[\s*(__\w*)")
_PIECE = re.compile(r"\{[\w.\[\]-]*(?:\.(_\w*)|\[(__\w*))")
_MAPPED = re.compile(r"%\((__\w+__)\)")
_HARMLESS = frozenset({"__doc__", "__name__", "__qualname__", "__version__"})
_DEEPEST = 2
"""How deep `str.format` follows fields in fields."""


def reached(text: str) -> Iterator[str]:
    """The names with underscores that ``{0.name}`` and ``%(name)s`` in a text reach.

    A text that is no whole format is looked at too: it may be a piece of one. Never raises.
    """
    if "_" not in text:
        return
    found = set(_fields(text, _DEEPEST))
    for match in (*_PIECE.finditer(text), *_MAPPED.finditer(text)):
        found.add(next(filter(None, match.groups())))
    yield from found - _HARMLESS


def _fields(text: str, deep: int) -> Iterator[str]:
    try:
        for _, field, spec, _ in string.Formatter().parse(text):
            for match in _HIDDEN.finditer(field or ""):
                yield match[1] or match[2]
            if spec and deep:
                yield from _fields(spec, deep - 1)
    except ValueError:  # no format; what came before the fault was read
        return
