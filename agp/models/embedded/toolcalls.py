"""Tool calls in the text of a small model's reply, whatever dress it gave them.

Qwen's template asks for ``<tool_call>{json}</tool_call>``; the 1.5B coder model mostly answers with
a fenced or bare JSON object instead. A tagged block is always a call, well formed or not, so that
the agent can show the model its mistake; untagged JSON is one only if it names an offered tool.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, cast

from agp.models.types import ToolCall

_TAGGED = re.compile(r"<(tool_call|tools|function_call)>(.*?)(?:</\1>|\Z)", re.DOTALL)
_FENCED = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
_LINE_OBJECT = re.compile(r"^[ \t]*(?=[{\[])", re.MULTILINE)
_OPENING = re.compile(
    r'\{{1,2}\s*"name"\s*:\s*"([^"\n]{1,100})"\s*,\s*"(?:arguments|parameters|args|input)"\s*:'
)
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_MOST_ATTEMPTS = 64  # each attempt may read to the end: a reply of braces must not cost n²
# Small models write real line breaks inside JSON strings: strict=False accepts them.
_DECODER = json.JSONDecoder(strict=False)


@dataclass
class _Found:
    calls: list[tuple[str, dict[str, Any] | None, str]] = field(
        default_factory=list[tuple[str, dict[str, Any] | None, str]]
    )
    spans: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


def parse_tool_calls(text: str, offered: Collection[str]) -> tuple[str, list[ToolCall]]:
    """Split a reply into its prose and its tool calls.

    Parameters: ``offered`` are the names of the tools the model was given. Never raises: a tagged
    call whose JSON is broken comes back with ``arguments=None`` and the text in ``raw``.
    """
    if not offered:
        return text, []
    for find in (_tagged, _fenced, _bare):
        found = find(text, offered)
        if found.calls:
            return _without(text, found.spans), _number(text, found)
    return text, []


def _tagged(text: str, offered: Collection[str]) -> _Found:
    found = _Found()
    for match in _TAGGED.finditer(text):
        body = _strip_fence(match[2].strip())
        calls = _calls_in(_decode_first(body))
        if not calls and match[1] != "tool_call":
            continue  # the model may quote its list of <tools>
        name = _guess_name(body, offered)
        found.calls += [(n, a, body) for n, a in calls] or ([(name, None, body)] if name else [])
        found.spans.append(match.span())
    return found


def _fenced(text: str, offered: Collection[str]) -> _Found:
    found = _Found()
    for match in _FENCED.finditer(text):
        calls = _all_offered(_calls_in(_decode_first(match[1].strip())), offered)
        if calls:
            found.calls += [(name, arguments, match[1]) for name, arguments in calls]
            found.spans.append(match.span())
        elif name := _broken_call(match[1].strip(), offered):
            found.calls.append((name, None, match[1]))
            found.spans.append(match.span())
    return found


def _bare(text: str, offered: Collection[str]) -> _Found:
    found, end = _Found(), 0
    for attempt, match in enumerate(_LINE_OBJECT.finditer(text)):
        if attempt >= _MOST_ATTEMPTS:
            break
        start = match.end()
        if start < end:
            continue
        value, stop = _decode_at(text, start)
        calls = _all_offered(_calls_in(value), offered)
        if calls:
            end = stop
            found.calls += [(name, arguments, text[start:stop]) for name, arguments in calls]
            found.spans.append((start, stop))
    if not found.calls and (name := _broken_call(text.strip(), offered)):
        return _Found([(name, None, text)], [(0, len(text))])
    return found


def _decode_first(text: str) -> Any:
    return _decode_at(text, 0)[0] if text[:1] in ("{", "[") else None


def _broken_call(body: str, offered: Collection[str]) -> str:
    """The offered tool that JSON which does not parse, as a whole, was meant to call."""
    named = _OPENING.match(body)
    return named[1] if named and named[1] in offered else ""


def _decode_at(text: str, start: int) -> tuple[Any, int]:
    # Qwen2.5-Coder's own template shows the format in doubled braces, and the model copies them.
    # Correcting the template instead made it call tools less often (36 of 60 against 46).
    doubled = text.startswith("{{", start)
    try:
        value, end = _DECODER.raw_decode(text, start + doubled)
    except (ValueError, RecursionError):
        return None, start
    return value, end + (doubled and text.startswith("}", end))


def _calls_in(value: Any) -> list[tuple[str, dict[str, Any] | None]]:
    """The calls a decoded JSON value stands for: one object, or a list of them."""
    items = cast("list[Any]", value) if isinstance(value, list) else [value]
    calls = [_call(item) for item in items]
    return [] if None in calls else [call for call in calls if call is not None]


def _call(item: Any) -> tuple[str, dict[str, Any] | None] | None:
    if not isinstance(item, dict):
        return None
    record = cast("dict[str, Any]", item)
    if isinstance(record.get("function"), dict):
        record = cast("dict[str, Any]", record["function"])
    name = record.get("name")
    key = next((key for key in _ARGUMENT_KEYS if key in record), None)
    if not isinstance(name, str) or key is None:
        return None
    return name, as_arguments(record[key])


def as_arguments(value: Any) -> dict[str, Any] | None:
    """Arguments as an object: given so, or as a JSON string of one; None when neither."""
    if isinstance(value, str):
        value = _decode_first(value.strip())
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _all_offered(
    calls: list[tuple[str, dict[str, Any] | None]], offered: Collection[str]
) -> list[tuple[str, dict[str, Any] | None]]:
    return calls if all(name in offered for name, _ in calls) else []


def _guess_name(body: str, offered: Collection[str]) -> str:
    """Whose call a broken block was meant to be; the only tool there is, if nothing says."""
    named = re.search(r'"name"\s*:\s*"([^"\n]{1,100})"', body)
    if named:
        return named[1]
    return next(iter(offered)) if len(offered) == 1 and body else ""


def _strip_fence(body: str) -> str:
    fenced = _FENCED.fullmatch(body)
    return fenced[1].strip() if fenced else body


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    kept, position = "", 0
    for start, end in spans:
        kept += text[position:start]
        position = end
    return (kept + text[position:]).strip()


def _number(text: str, found: _Found) -> list[ToolCall]:
    # Same reply, same ids: a replayed conversation must have the same digest.
    stem = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return [
        ToolCall(id=f"call_{stem}_{index}", name=name, arguments=arguments, raw=raw)
        for index, (name, arguments, raw) in enumerate(found.calls)
    ]
