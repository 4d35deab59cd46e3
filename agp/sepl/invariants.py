"""Safety invariants: what no candidate may do, whatever it scores. Each has a name."""

from __future__ import annotations

from collections.abc import Sequence

from agp.evaluation.splits import Splits
from agp.rspl.entities import Record
from agp.rspl.view import View
from agp.sepl.copies import copied


def broken_invariant(view: View, records: Sequence[Record], splits: Splits) -> str:
    """The first invariant that candidate records break, with its name; empty if none.

    ``own_limits``: the marker g and metadata (protected text, requirements) stay as they are.
    ``no_copied_samples``: no answer of ≥ 12 letters and digits, and no 48 in a row that stand in
    one task only (or the whole of a shorter task), enter a resource, plain or encoded.
    """
    for record in records:
        before = view.record(record.id)
        if (record.evolvable, record.metadata) != (before.evolvable, before.metadata):
            return f"own_limits: {record.id} would change its own marker or metadata"
        if sample := copied(record, before, splits):
            return f"no_copied_samples: {record.id} would hold words of sample {sample}"
    return ""
