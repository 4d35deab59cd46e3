"""Which settings are limits, by their names: they bound what a resource may take or do.

Limits are never learnable. A setting that bounds something without saying so in its name counts
as any other; that a larger number, or a switch turned on, asks a person holds for all of them
(see `agp.capabilities`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

_WORDS = frozenset(
    """
    attempts budget bytes calls deadline depth gb kb limit limits longest max maximum mb most ms
    quota repairs retries rounds seconds steps timeout tokens usd
    """.split()  # noqa: SIM905 (as a list, one word a line)
)


def is_limit(name: str) -> bool:
    """Whether a setting of this name is a limit (``max_steps``, ``timeout_s``, ``memory_mb``)."""
    return not _WORDS.isdisjoint(name.casefold().replace("-", "_").split("_"))


def limits_in(value: object, path: str = "") -> dict[str, Any]:
    """The limits among settings, at any depth of mappings: path → value.

    Lists are content, as a memory's items: nothing in them is a limit.
    """
    return dict(_limits(value, path))


def _limits(value: object, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        return
    for name, each in cast("Mapping[str, Any]", value).items():
        if is_limit(str(name)):
            yield f"{path}/{name}", each
        else:
            yield from _limits(each, f"{path}/{name}")
