"""One resource of a contract, in the detail that fits.

Texts of resources come from anywhere (a tool's author, a remote server): whatever they hold stays
inside a quotation or a code span and cannot become structure of the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, cast

from agp.errors import ResourceError
from agp.rspl.contract.examples import example
from agp.rspl.contract.types import Types, default_of, key, literal, ordered
from agp.rspl.entities import JsonObject, Record, ResourceId
from agp.rspl.kinds import KINDS

_SENTENCE = re.compile(r".+?(?:[.!?](?=\s+[^a-z\s])|[。！？]|$)")
_JOINERS = "\u200c\u200d"  # invisible, but parts of words and of emoji


_MALFORMED = (
    ResourceError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    RecursionError,
)


class Level(StrEnum):
    """How much a contract says of a resource, most first; each leaves out more than the last.

    Every level names all arguments with their types, values, defaults and which are required.
    """

    FULL = "full"
    NO_EXAMPLES = "no examples"
    BRIEF = "first sentences"
    SIGNATURES = "signatures"


def section(record: Record, level: Level, shared: Mapping[str, Sequence[ResourceId]]) -> str:
    """What one resource can do, as Markdown under a heading of its own.

    Parameters: ``shared`` are function names with the resources that each means, where several do.
    A malformed record (of a server whose input schemas are none, say) is said to be one: it does
    not keep a contract from telling of the others.
    """
    blocks = [f"## {record.id}"]
    try:
        functions = functions_of(record)
        told = [str(each["description"]) for each in functions]
        if not (functions and level is Level.SIGNATURES) and told != [record.description]:
            blocks.append(_quoted(record.description, level))
        used = [f"`{rid}`" for rid in KINDS[record.type].dependencies(record)]
        blocks.append(f"Uses {', '.join(used)}." if used else "")
        blocks += [_also_meant(record, function["name"], shared) for function in functions]
        blocks += _told(functions, level)
    except _MALFORMED:
        return f"{blocks[0]}\n\nIt cannot be called: its record is malformed."
    return "\n\n".join(filter(None, blocks))


def functions_of(record: Record) -> list[JsonObject]:
    """The functions that a resource exports. Raises ResourceError for a malformed record."""
    return [each["function"] for each in KINDS[record.type].exports(record)]


def _told(functions: Sequence[JsonObject], level: Level) -> list[str]:
    if level is Level.SIGNATURES:
        return ["\n".join(map(_signature, functions))]
    return [block for function in functions for block in _described(function, level)]


def _also_meant(record: Record, name: str, shared: Mapping[str, Sequence[ResourceId]]) -> str:
    others = [f"`{rid}`" for rid in shared.get(name, ()) if rid != record.id]
    return f"`{name}` is also a function of {', '.join(others)}." if others else ""


def _signature(function: JsonObject) -> str:
    types = Types(function["parameters"])
    schema = types.arguments()
    fields = [types.field(name, each, needed) for name, (each, needed) in ordered(schema).items()]
    fields += [f"...: {others}"] if (others := _others(types, schema)) else []
    line = f"{key(function['name'])}({', '.join(fields)})"
    if rest := types.rest(schema):
        line += f" also {rest}"
    if defined := types.definitions:
        line += " where " + "; ".join(f"{name} = {words}" for name, words in defined.items())
    return f"- `{line}`"


def _described(function: JsonObject, level: Level) -> list[str]:
    types = Types(function["parameters"])
    blocks = [f"### `{key(function['name'])}`", _quoted(str(function["description"]), level)]
    blocks.append("\n".join(_arguments(types, level)) or "No arguments.")
    if level is Level.FULL and (made := example(function["parameters"])) is not None:
        given = ", ".join(f"{literal(name)}: {literal(value)}" for name, value in made.items())
        call = f'{{"name": {literal(function["name"])}, "arguments": {{{given}}}}}'
        blocks.append(f"Example: `{call}`")
    return blocks


def _arguments(types: Types, level: Level) -> Iterator[str]:
    schema = types.arguments()
    for name, (each, required) in ordered(schema).items():
        node = types.resolved(each)
        default = default_of(node).removeprefix(" = ")
        need = "required" if required else f"default `{default}`" if default else "optional"
        yield f"- `{key(name)}` (`{types.words(each)}`, {need}){_said(node, level)}"
        for path, inner in types.inside(each, key(name)):
            if said := _said(inner, level):
                yield f"  - `{path}`{said}"
    if others := _others(types, schema):
        yield f"- any other argument (`{others}`)"
    if rest := types.rest(schema):
        yield f"- all arguments together: `{rest}`"
    for name, words in types.definitions.items():
        yield f"- where `{name}` is `{words}`"


def _others(types: Types, schema: JsonObject) -> str:
    others: Any = schema.get("additionalProperties")
    return types.words(others) if isinstance(others, dict) and others else ""


def _said(schema: Any, level: Level) -> str:
    text = cast(JsonObject, schema).get("description") if isinstance(schema, dict) else None
    line = " ".join(" ".join(_lines(str(text or ""))).split())
    if level is Level.BRIEF:
        line = _first_sentence(line)
    return f": {line}" if line else ""


def _quoted(text: str, level: Level) -> str:
    lines = _lines(text)
    if level in (Level.BRIEF, Level.SIGNATURES):
        paragraph = " ".join("\n".join(lines).partition("\n\n")[0].split())
        lines = [_first_sentence(paragraph)] if paragraph else []
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _lines(text: str) -> list[str]:
    """The lines of a text without what cannot be seen: it could hide words from a reader."""
    tidy = text.replace("\t", "    ").strip()
    return ["".join(filter(_visible, line)).rstrip() for line in tidy.splitlines()]


def _visible(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or character.isspace()


def _first_sentence(line: str) -> str:
    found = _SENTENCE.match(line)
    return found[0] if found else line
