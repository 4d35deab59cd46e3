"""Three-way merging of plain values: texts line by line, lists element by element, JSON by parts.

Nothing here knows of resources or commits. Merging is symmetric: exchanging the two sides
exchanges nothing in the result but the order inside conflicts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import Enum
from typing import Any, Final, NamedTuple, cast

from agp.canonical import canonical_json

JsonObject = dict[str, Any]

OURS: Final = "ours"
THEIRS: Final = "theirs"


class Absent(Enum):
    """What stands for a part that a side does not have: JSON's null is a value."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


class Clash(NamedTuple):
    """Lines that both sides changed, differently."""

    base: Sequence[str]
    ours: Sequence[str]
    theirs: Sequence[str]


@dataclass(frozen=True)
class PartConflict:
    """One part that both sides changed, differently; a side without it has `ABSENT`.

    ``text`` shows the sides between diff3 markers, with what could be merged around them.
    """

    path: str
    why: str
    base: Any
    ours: Any
    theirs: Any
    text: str


def merge_lines(
    base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]
) -> list[Sequence[str] | Clash]:
    """The merged lines in chunks, with a `Clash` where both sides changed the same place.

    This is diff3 (Khanna, Kunal, Pierce: A Formal Investigation of Diff3, 2007): lines that both
    sides kept divide the text, and each stretch between them is decided on its own.
    """
    in_ours, in_theirs = _matches(base, ours), _matches(base, theirs)
    kept = [line for line in in_ours if line in in_theirs]
    chunks: list[Sequence[str] | Clash] = []
    at_base = at_ours = at_theirs = 0
    for line in [*kept, len(base)]:
        to_ours = in_ours.get(line, len(ours))
        to_theirs = in_theirs.get(line, len(theirs))
        chunks.append(
            _decided(Clash(base[at_base:line], ours[at_ours:to_ours], theirs[at_theirs:to_theirs]))
        )
        chunks.append(base[line : line + 1])
        at_base, at_ours, at_theirs = line + 1, to_ours + 1, to_theirs + 1
    return [chunk for chunk in chunks if chunk]


def _matches(base: Sequence[str], side: Sequence[str]) -> dict[int, int]:
    """Which line of ``side`` each line of ``base`` became, where it was kept."""
    blocks = SequenceMatcher(None, base, side, autojunk=False).get_matching_blocks()
    return {block.a + n: block.b + n for block in blocks for n in range(block.size)}


def _decided(clash: Clash) -> Sequence[str] | Clash:
    base, ours, theirs = map(list, clash)
    if ours == theirs or theirs == base:
        return ours
    return theirs if ours == base else clash


def marked(chunks: Sequence[Sequence[str] | Clash]) -> str:
    """Chunks as text, each clash between diff3 markers."""
    lines: list[str] = []
    for chunk in chunks:
        if isinstance(chunk, Clash):
            lines += ["<<<<<<< ours", *chunk.ours, "||||||| base", *chunk.base]
            lines += ["=======", *chunk.theirs, ">>>>>>> theirs"]
        else:
            lines += chunk
    return "\n".join(lines)


class Decided(NamedTuple):
    """A value that was decided by whoever merges; `ABSENT` for none."""

    value: Any


@dataclass
class PartMerge:
    """The merge of one JSON value, part by part; ``conflicts`` are what it could not decide.

    Parameters: ``decide`` gives the value that a part has by decision, whatever the sides say,
    from its path and both sides, or None where nothing was decided; ``take`` the side that
    conflicts go to, so that there are none.
    """

    decide: Callable[[str, Any, Any], Decided | None]
    take: str | None = None
    conflicts: list[PartConflict] = field(default_factory=list[PartConflict])

    def merge(self, base: Any, ours: Any, theirs: Any, path: str = "") -> Any:
        """The merged value; `ABSENT` where it is gone, ours where there is a conflict.

        Objects that both sides added are merged like changes of an empty one.
        """
        if (decided := self.decide(path, ours, theirs)) is not None:
            return decided.value
        objects = [_object(side) for side in (base, ours, theirs)]
        if None not in objects:
            return self._objects(objects, path)
        if same(ours, theirs) or same(theirs, base):
            return ours
        if same(ours, base):
            return theirs
        if base is ABSENT and None not in objects[1:]:
            return self._objects([{}, *objects[1:]], path)
        return self._clashing(base, ours, theirs, path)

    def _objects(self, sides: Sequence[JsonObject | None], path: str) -> JsonObject:
        objects = [side or {} for side in sides]
        merged: JsonObject = {}
        for key in dict.fromkeys(key for each in objects for key in each):
            base, ours, theirs = (each.get(key, ABSENT) for each in objects)
            value = self.merge(base, ours, theirs, f"{path}/{key}" if path else key)
            if value is not ABSENT:
                merged[key] = value
        return merged

    def _clashing(self, base: Any, ours: Any, theirs: Any, path: str) -> Any:
        chunks: list[Sequence[str] | Clash]
        sides = (base, ours, theirs)
        if isinstance(ours, str) and isinstance(theirs, str) and isinstance(base, str | Absent):
            chunks = merge_lines(*map(_lines, (base, ours, theirs)))
            if (merged := _clean(chunks)) is not None:
                return "\n".join(merged)
        elif all(isinstance(side, list) for side in sides):
            chunks = merge_lines(*map(_elements, sides))
            if (merged := _clean(chunks)) is not None:
                return [json.loads(each) for each in _once(merged, *map(_elements, sides[1:]))]
        else:
            chunks = [Clash(*map(_pretty, sides))]
        if self.take is not None:
            return ours if self.take == OURS else theirs
        why = _why(ours, theirs)
        self.conflicts.append(PartConflict(path, why, base, ours, theirs, marked(chunks)))
        return ours


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are one value: 1 and true are two."""
    if left is ABSENT or right is ABSENT:
        return left is right
    return canonical_json(left) == canonical_json(right)


def _why(ours: Any, theirs: Any) -> str:
    """Why two sides that differ cannot be merged, in words."""
    if ours is ABSENT:
        return "our side removed it, their side changed it"
    if theirs is ABSENT:
        return "our side changed it, their side removed it"
    return "both sides changed it"


def _lines(text: str | Absent) -> list[str]:
    """Split at line feeds only, so that joining gives back every character."""
    return [] if isinstance(text, Absent) else text.split("\n")


def _elements(values: Sequence[Any]) -> list[str]:
    return [canonical_json(value).decode() for value in values]


def _once(merged: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """The merged elements, none more often than on either side: the first ones stay.

    What both sides added, or moved, to different places is one element, not two.
    """
    room = Counter(ours) | Counter(theirs)
    kept: list[str] = []
    for element in merged:
        if room[element] > 0:
            room[element] -= 1
            kept.append(element)
    return kept


def _clean(chunks: Sequence[Sequence[str] | Clash]) -> list[str] | None:
    """The merged lines; None where there is a clash."""
    if any(isinstance(chunk, Clash) for chunk in chunks):
        return None
    return [line for chunk in chunks for line in cast("Sequence[str]", chunk)]


def _object(value: Any) -> JsonObject | None:
    return cast("JsonObject", value) if isinstance(value, dict) else None


def _pretty(value: Any) -> list[str]:
    if value is ABSENT:
        return []
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).split("\n")
