"""What of a record is searched: its name, what it says about itself, and its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, cast

from agp.rspl.entities import Record
from agp.rspl.search.words import misspellings, words_of

CONTENT_CHARS = 4_000
"""How much of a record's content is indexed."""

# Words with a mark in front say more than that a word occurs somewhere. A mark is no ASCII
# character, so that FTS5's `ascii` tokenizer takes it for a part of the word.
TITLE, HEAD, SPELLED, TYPE, TAG = "·", "¦", "¬", "§", "¶"


def document(record: Record) -> dict[str, str]:
    """The row of table ``documents`` for a record, without its id.

    ``title``, ``about`` and ``content`` are stems between spaces, as often as they occur, to rank
    by; ``words`` is each indexed word once, to select by.
    """
    tags = tags_of(record)
    title = words_of(record.name, stop=False)
    about = words_of(f"{record.description}\n{' '.join(tags)}\n{record.type.value}")
    content = words_of(content_of(record))
    head = dict.fromkeys(title + about)
    words = [
        *dict.fromkeys([*head, *content]),
        *(TITLE + word for word in dict.fromkeys(title)),
        *(HEAD + word for word in head),
        *dict.fromkeys(SPELLED + form for word in head for form in misspellings(word)),
        TYPE + record.type.value,
        *(tag_word(tag) for tag in tags),
    ]
    return {
        "digest": record.digest,
        "type": record.type.value,
        "name": record.name,
        "title": _spaced(title),
        "about": _spaced(about),
        "content": _spaced(content),
        "words": " ".join(words),
    }


def tags_of(record: Record) -> list[str]:
    """The record's tags; metadata is free-form, so anything may be there."""
    tags: object = record.metadata.get("tags")
    if not isinstance(tags, list):
        return []
    return [tag for tag in cast(list[object], tags) if isinstance(tag, str)]


def tag_word(tag: str) -> str:
    """The indexed word that stands for a tag, whatever characters the tag has."""
    return TAG + hashlib.sha256(tag.encode("utf-8", "replace")).hexdigest()[:16]


def content_of(record: Record) -> str:
    """Arguments and their descriptions, then texts in the parameters, then code; bounded.

    Mappings are read in the order of their keys: equal records give equal documents.
    """
    parts: list[str] = []
    room = CONTENT_CHARS
    for text in _texts(record):
        parts.append(text[:room])
        room -= len(text) + 1
        if room <= 0:
            break
    return "\n".join(parts)


def _texts(record: Record) -> Iterator[str]:
    yield from _schema_texts(record.input_schema)
    yield from _strings(record.params)
    yield record.implementation.entry
    for _, text in sorted(record.implementation.files.items()):
        yield text


def _schema_texts(schema: Any) -> Iterator[str]:
    """The names of properties, their descriptions and choices, at any depth."""
    if isinstance(schema, list):
        for each in cast(list[Any], schema):
            yield from _schema_texts(each)
        return
    if not isinstance(schema, dict):
        return
    for key, value in sorted(cast(dict[str, Any], schema).items()):
        if key == "properties" and isinstance(value, dict):
            for name, each in sorted(cast(dict[str, Any], value).items()):
                yield name
                yield from _schema_texts(each)
        elif key in ("description", "const", "enum"):
            yield from _strings(value)
        else:
            yield from _schema_texts(value)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in sorted(cast(dict[str, Any], value).items()):
            yield key
            yield from _strings(each)
    elif isinstance(value, list):
        for each in cast(list[Any], value):
            yield from _strings(each)


def _spaced(words: list[str]) -> str:
    return f" {' '.join(words)} "
