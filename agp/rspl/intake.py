"""What folders declare that a branch has not seen yet, ready to be committed.

A record is completed here once, when its files are new: a server is asked for its tools. One that
does not answer leaves its resource out, and what is bound to it, but nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agp.errors import ServerError
from agp.rspl.discovery import discover
from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds import KINDS


@dataclass(frozen=True)
class Intake:
    """What to commit, as what digests it was read, and what was left out and why."""

    changes: Mapping[ResourceId, Record]
    read: Mapping[ResourceId, str]
    unavailable: Mapping[ResourceId, str]


def take_in(
    roots: Sequence[Path], seen: Mapping[ResourceId, str], is_live: Callable[[ResourceId], bool]
) -> Intake:
    """What is new in the folders under ``roots``.

    Parameters: ``seen`` the digests that were read from files last time; ``is_live`` whether the
    branch has a resource. Raises ResourceError for malformed files.
    """
    new = {rid: r for rid, r in discover(roots).items() if seen.get(rid) != r.digest}
    changes: dict[ResourceId, Record] = {}
    unavailable: dict[ResourceId, str] = {}
    for rid, record in new.items():
        try:
            changes[rid] = KINDS[rid.type].complete(record)
        except ServerError as error:
            unavailable[rid] = error.message
    gone = {rid for rid in unavailable if not is_live(rid)}
    for rid, record in list(changes.items()):
        if missing := gone.intersection(KINDS[rid.type].dependencies(record)):
            unavailable[rid] = f"it uses {min(missing)}, which is left out"
            del changes[rid]
    return Intake(changes, {rid: new[rid].digest for rid in changes}, unavailable)
