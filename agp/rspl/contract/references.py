"""References within a JSON schema: what ``$ref`` points at, and which targets need a name."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, cast

from agp.rspl.entities import JsonObject


def named(root: JsonObject) -> dict[str, str]:
    """References that need a name: met more than once from the root, or within themselves."""
    met: Counter[str] = Counter()
    waiting: list[Any] = [{k: v for k, v in root.items() if k not in ("$defs", "definitions")}]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += cast("list[Any]", value)
        if not isinstance(value, dict):
            continue
        node = cast(JsonObject, value)
        waiting += node.values()
        ref = node.get("$ref")
        if isinstance(ref, str) and (target := target_of(root, ref)) is not None:
            met[ref] += 1
            if met[ref] == 1:
                waiting.append(target)
    names: dict[str, str] = {}
    for ref in sorted(ref for ref, count in met.items() if count > 1):
        plain = re.sub(r"\W", "", ref.rpartition("/")[2], flags=re.ASCII).lstrip("_0123456789")
        stem = plain[:1].upper() + plain[1:] or "Type"
        taken, number = set(names.values()), 1
        while (name := stem if number == 1 else f"{stem}{number}") in taken:
            number += 1
        names[ref] = name
    return names


def target_of(root: JsonObject, ref: Any) -> Any:
    """What a reference within the schema points at; None where nothing is there."""
    if not isinstance(ref, str) or (ref != "#" and not ref.startswith("#/")):
        return None
    found: Any = root
    for step in ref.split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, dict) or step not in found:
            return None
        found = cast(JsonObject, found)[step]
    return found
