"""What the arguments of a call say: every text in them, and every spelling a rule might name.

A rule that denies must find a value however it is wrapped or spelled; a rule that allows must be
met by all of its spellings. Both are judged on what is made here, never on the raw text.
"""

from __future__ import annotations

import json
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

from agp.permissions.hosts import normal_url

_DEEPEST = 24
_MOST = 20_000
_LONGEST_PATH = 4_096
_EXACT = 2**53  # as far as floats hold every whole number
_FILE_URL = re.compile(r"file:(?://(?:localhost)?(?=/))?", re.IGNORECASE)


class Unreadable(ValueError):
    """Arguments that are nested too deeply, or hold too much, to be judged."""


class Leaf(NamedTuple):
    """One text of the arguments.

    ``names`` are the names on the way to it, outermost first (a list adds none); ``is_key`` says
    that it is itself a name inside a nested mapping; ``alike`` are other texts of the same number.
    """

    names: tuple[str, ...]
    text: str
    is_key: bool = False
    alike: tuple[str, ...] = ()


def leaves(arguments: Mapping[str, Any]) -> list[Leaf]:
    """Every value of the arguments as text: nested ones, names in nested mappings, JSON in texts.

    Numbers, booleans, nulls and empty containers are their JSON. Raises Unreadable.
    """
    found: list[Leaf] = []
    for name, value in arguments.items():
        for leaf in _leaves((name,), value, 0):
            found.append(leaf)
            if len(found) > _MOST:
                raise Unreadable(f"the arguments hold more than {_MOST:,} values")
    return found


def _leaves(names: tuple[str, ...], value: object, depth: int) -> Iterator[Leaf]:
    if depth > _DEEPEST:
        raise Unreadable(f"the arguments are nested more than {_DEEPEST} deep")
    if isinstance(value, str):
        yield Leaf(names, value)
        if (inner := _json_in(value)) is not None:
            yield from _leaves(names, inner, depth + 1)
    elif isinstance(value, Mapping) and value:
        for key, each in cast("Mapping[Any, object]", value).items():
            yield Leaf(names, str(key), is_key=True)
            yield from _leaves((*names, str(key)), each, depth + 1)
    elif isinstance(value, _Pairs):
        for key, each in value:
            yield Leaf(names, key, is_key=True)
            yield from _leaves((*names, key), each, depth + 1)
    elif isinstance(value, list | tuple) and value:
        for each in cast("list[object]", value):
            yield from _leaves(names, each, depth + 1)
    else:
        text = json.dumps(value, default=str)
        yield Leaf(names, text, alike=tuple(_number_texts(cast("object", value)) - {text}))


def _number_texts(value: object) -> set[str]:
    """How people write a whole number: ``5`` and ``5.0`` are one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return set()
    if not abs(value) <= _EXACT or value != int(value):  # nor what is no number (NaN)
        return set()
    return {str(int(value)), f"{int(value)}.0"}


class _Pairs(list[tuple[str, object]]):
    """An object of a JSON text, with names that occur twice: readers differ in which one counts."""


def _pairs(found: list[tuple[str, object]]) -> object:
    return _Pairs(found) if found else {}


def _json_in(text: str) -> object | None:
    """The JSON value that a text is: an object, a list, or a text within quotes."""
    stripped = text.strip()
    if stripped[:1] not in ("{", "[", '"'):
        return None
    try:
        return json.loads(stripped, object_pairs_hook=_pairs)
    except ValueError:
        return None
    except RecursionError as error:
        raise Unreadable("the arguments hold JSON that is nested too deeply") from error


def spellings(text: str) -> frozenset[str]:
    """The canonical forms of a value: as text, as a path, as a URL, without hidden characters.

    A short plain text has one; the more ways there are to read it, the more there are.
    """
    return _known_spellings(text) if len(text) <= _LONGEST_PATH else _spellings(text)


def _spellings(text: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKC", text)
    texts = {plain, plain.strip(), _without_hidden(plain).strip()}
    texts |= {_decoded(each) for each in texts if "%" in each}
    found: set[str] = set()
    for each in texts:
        found.add(each.removeprefix("./") or each)
        if (path := normal_path(each)) is not None:
            found.add(path)
        if url := normal_url(each):
            found.add(url)
    return frozenset(found)


_known_spellings = lru_cache(maxsize=2048)(_spellings)


def path_spellings(text: str) -> frozenset[str]:
    """The paths that a value could be; none for what cannot be a path (several lines, too long)."""
    paths = (normal_path(each) for each in spellings(text))
    return frozenset(path for path in paths if path is not None)


def normal_path(text: str) -> str | None:
    """A path in its shortest form, by its letters only: ``a//b/../c`` → ``a/c``, ``\\`` → ``/``.

    None for what is empty, has a line break, or is longer than any path.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST_PATH or "\n" in text or "\r" in text:
        return None
    text = _FILE_URL.sub("", text, count=1).replace("\\", "/")
    if "://" in text:  # a URL is normalised as one
        return None
    path = posixpath.normpath(text)
    return "/" + path.lstrip("/") if path.startswith("/") else path


def fold(text: str) -> str:
    """Text as rules that deny compare it: without case, compatible and hidden characters."""
    if text.isascii() and text.isprintable():
        return text.lower()
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _without_hidden(unicodedata.normalize("NFKC", plain))


def _without_hidden(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf"))


def _decoded(text: str) -> str:
    """Percent escapes undone, also those of percent signs."""
    for _ in range(4):
        text, before = unquote(text), text
        if text == before:
            break
    return unicodedata.normalize("NFKC", text)
