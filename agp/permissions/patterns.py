"""Rules on calls: ``TOOL``, ``TOOL.ACTION``, ``TOOL.ACTION(argument=glob, …)``, and what they fit.

``*`` stands for any text (with ``/`` in it too), ``?`` for one character, ``[abc]`` for one of
these. A rule that denies or asks fits as soon as one reading of the call does; a rule that allows
only if every reading does.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from agp.permissions.values import Leaf, fold, spellings

_RULE = re.compile(r"\s*([^\s()]+)\s*(?:\((.*)\))?\s*", re.DOTALL)
_COMMA = re.compile(r",(?![^\[]*\])")


@dataclass(frozen=True)
class Call:
    """A call as rules see it.

    ``names`` are what it is properly called (``tool/python``, ``python``, ``workspace.write``);
    ``other_names`` what else it could be known by, which only rules that deny or ask look at;
    ``readings`` the values of its arguments as they are given, and as the tool will get them.
    """

    names: frozenset[str]
    other_names: frozenset[str]
    readings: Sequence[Sequence[Leaf]]

    @cached_property
    def leaves(self) -> list[Leaf]:
        """The values of all readings."""
        return list(dict.fromkeys(leaf for reading in self.readings for leaf in reading))

    @cached_property
    def folded(self) -> frozenset[str]:
        """All names as rules that deny compare them."""
        return frozenset(map(fold, self.names | self.other_names))


@dataclass(frozen=True)
class Rule:
    """A rule as it is written, and its parts: a glob for the tool, globs for arguments."""

    text: str
    tool: str
    conditions: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule. Raises ValueError that says what is wrong with it."""
        match = _RULE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no rule: write TOOL, TOOL.ACTION or TOOL(argument=glob)")
        tool, inside = match.groups()
        conditions: list[tuple[str, str]] = []
        for part in _COMMA.split(inside) if inside is not None else ():
            name, equals, glob = part.partition("=")
            if not equals or not name.strip() or not glob.strip():
                raise ValueError(
                    f"{text!r}: between the brackets write argument=glob, not {part!r}"
                )
            conditions.append((name.strip(), glob.strip()))
        return cls(text.strip(), tool, tuple(conditions))

    def touches(self, call: Call) -> bool:
        """Whether some reading of the call fits: the test for deny and ask.

        Each argument counts as it is given or as it is meant, whatever the others fit as.
        """
        tool = fold(self.tool)
        if not any(_fits(tool, name) for name in call.folded):
            return False
        return all(
            any(
                any(_fits(fold(argument), fold(name)) for name in leaf.names)
                and any(
                    _fits(fold(glob), fold(each))
                    for text in (leaf.text, *leaf.alike)
                    for each in spellings(text)
                )
                for leaf in call.leaves
            )
            for argument, glob in self.conditions
        )

    def covers(self, call: Call) -> bool:
        """Whether every reading of the call fits: the test for allow."""
        if not any(_fits(self.tool, name) for name in call.names):
            return False
        return all(
            self._covers(reading, argument, glob)
            for reading in call.readings
            for argument, glob in self.conditions
        )

    def _covers(self, reading: Sequence[Leaf], argument: str, glob: str) -> bool:
        named = [leaf for leaf in reading if any(_fits(argument, name) for name in leaf.names)]
        return bool(named) and all(
            any(
                all(_fits(glob, each) for each in spellings(text))
                for text in (leaf.text, *leaf.alike)
            )
            for leaf in named
        )


@lru_cache(maxsize=1024)
def rule(text: str) -> Rule:
    """The rule of a text that was checked."""
    return Rule.parse(text)


def fits(glob: str, text: str) -> bool:
    """Whether a glob fits a whole text; case counts."""
    return _fits(glob, text)


@lru_cache(maxsize=1024)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(glob))


def _fits(glob: str, text: str) -> bool:
    return _compiled(glob).match(text) is not None
