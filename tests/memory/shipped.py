"""The shipped memories and environments as records, and acting on them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from agp.rspl.discovery import discover
from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.stateful import with_params

ROOT = Path(__file__).resolve().parents[2]


@lru_cache
def _library() -> dict[ResourceId, Record]:
    return discover([ROOT])


def shipped(name: str, **params: Any) -> Record:
    """A shipped record, with some parameters changed."""
    record = _library()[ResourceId.parse(name)]
    return with_params(record, {**record.params, **params})


class Acting:
    """Acts on a record as a registry would: each change is its next version."""

    def __init__(self, record: Record) -> None:
        self.record = record

    async def __call__(self, action: str, **arguments: Any) -> Any:
        kind = KINDS[self.record.type]
        given = {"action": action, "arguments": arguments}
        outcome = await kind.run(self.record, kind.build(self.record), given, {})
        self.record = outcome.record or self.record
        return outcome.result

    @property
    def state(self) -> Any:
        return KINDS[self.record.type].state(self.record)
