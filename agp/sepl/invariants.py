"""Safety invariants: what no candidate may do, whatever it scores. Each has a name."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agp.evaluation.splits import Splits
from agp.rspl.entities import Record
from agp.rspl.view import View

_TELLING = 12
"""An answer at least this long does not stand in a prompt by chance; shorter ones might."""
_COPIED = 60
"""This many characters of one task, word for word, are a copy."""


def broken_invariant(view: View, records: Sequence[Record], splits: Splits) -> str:
    """The first invariant that candidate records break, with its name; empty if none.

    ``own_limits``: the marker g and metadata (protected text, requirements) stay as they are.
    ``no_copied_samples``: no answer of ≥ 12 characters, and no 60 characters in a row that stand
    in one task only (or the whole of a shorter task), enter a resource.
    """
    for record in records:
        before = view.record(record.id)
        if (record.evolvable, record.metadata) != (before.evolvable, before.metadata):
            return f"own_limits: {record.id} would change its own marker or metadata"
        text, known = (json.dumps(r.params, ensure_ascii=False) for r in (record, before))
        if sample := _copied(text, known, splits):
            return f"no_copied_samples: {record.id} would hold words of sample {sample}"
    return ""


def _copied(text: str, known: str, splits: Splits) -> str:
    samples = [*splits.feedback, *splits.selection, *splits.holdout]
    tasks = [_inner(sample.task.input) for sample in samples]
    new = _stretches(text) - _stretches(known)
    for sample, task in zip(samples, tasks, strict=True):
        answer = _inner(sample.target)
        if len(answer) >= _TELLING and answer in text and answer not in known:
            return sample.id
        found = _stretches(task) & new if len(task) >= _COPIED else {task} if task in text else ()
        # What several tasks share is the benchmark's standing text, not a sample's.
        if any(sum(piece in other for other in tasks) == 1 for piece in found):
            return sample.id
    return ""


def _stretches(text: str) -> set[str]:
    """Every stretch of the length that counts as a copy."""
    return {text[start : start + _COPIED] for start in range(len(text) - _COPIED + 1)}


def _inner(text: str) -> str:
    """Text as it stands inside JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]
