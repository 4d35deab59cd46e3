"""How often each strategy of change helped so far, over all runs of a store."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from agp.runs.journal import Journal
from agp.store.tables import EventRow

_KEY = "strategies"


class Success(NamedTuple):
    """``helped`` of ``tried`` assessed proposals were kept."""

    helped: int
    tried: int

    def __str__(self) -> str:
        return f" (helped {self.helped} of {self.tried} times)"


def strategies_so_far(journal: Journal) -> dict[str, Success]:
    """Strategy → its success by the assessments of earlier runs; fixed when the run first asks.

    It is a step of the run, so that a resumed run offers what the uninterrupted one would.
    """
    done = journal.done(_KEY)
    if done is None:
        done = journal.append(_KEY, _KEY, {"counts": _counted(journal)})
    return {name: Success(*counts) for name, counts in done["counts"].items()}


def _counted(journal: Journal) -> dict[str, list[int]]:
    counts: dict[str, list[int]] = {}
    query = select(EventRow.payload).where(EventRow.type == "assessment")
    with journal.database.read() as session:
        for payload in session.scalars(query):
            helped_tried = counts.setdefault(payload["proposal"]["strategy"], [0, 0])
            helped_tried[0] += bool(payload["verdict"]["accepted"])
            helped_tried[1] += 1
    return counts
