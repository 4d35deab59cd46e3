"""Safety invariants: what no candidate may do, whatever it scores. Each has a name.

``own_limits``: the marker g and metadata (protected text, requirements) stay as they are.
``bounded_size``: no text, code or value of a resource grows beyond a fixed size, whatever the
policy lets it grow by at a time.
``no_copied_samples``: no answer of ≥ 12 letters and digits, and no 48 in a row that stand in one
task only (or the whole of a shorter task), enter a resource, plain or encoded.
``no_reworded_samples``: nor do they with a few words changed, or in another order.
``no_answer_table``: nor do short answers beside words of their own samples, or many together.
``no_special_casing``: nor do ids or digests of samples.
``no_self_judging``: what scores a benchmark is not what evolves on it.

Demonstrations of a prompt may hold feedback samples; samples of selection and holdout never.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from agp.errors import NotFoundError
from agp.evaluation.splits import Splits
from agp.evaluation.types import Benchmark
from agp.rspl.dependencies import closure
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.paths import find_path
from agp.rspl.view import View
from agp.sepl.copies import Texts, copy_in, new_texts, reworded_in
from agp.sepl.lookups import listed_in, named_in, tied_in

LARGEST = 20_000
"""Characters of one evolvable part of a resource: a prompt's text, its demonstrations, a file."""
LARGEST_MEMORY = 200_000
"""Characters of what a memory holds, or an environment is made of."""
ROLE = "role/"

_OVERLAPS: Sequence[tuple[str, Callable[[Texts], str], str]] = (
    ("no_copied_samples", copy_in, "would hold words of sample {}"),
    ("no_reworded_samples", reworded_in, "would hold sample {} in other words"),
    ("no_answer_table", tied_in, "would hold a table of answers, that of sample {} among them"),
    ("no_answer_table", listed_in, "would hold a list of answers, that of sample {} among them"),
    ("no_special_casing", named_in, "would name sample {}"),
)


def broken_invariant(
    view: View,
    records: Sequence[Record],
    splits: Splits,
    benchmark: Benchmark | None = None,
) -> str:
    """The first invariant that candidate records break, with its name; empty if none.

    Parameters: ``view`` what the records would change; ``benchmark`` what they are scored by.
    """
    judges = judges_of(view, benchmark.judged_by if benchmark is not None else ())
    for record in records:
        before = view.record(record.id) if record.id in view else None
        if before is not None and _limits(record) != _limits(before):
            return f"own_limits: {record.id} would change its own marker or metadata"
        if record.id in judges:
            return f"no_self_judging: {record.id} judges the answers of this benchmark"
        if too_large := _outgrown(record, before):
            return f"bounded_size: {too_large}"
        for texts in new_texts(record, before, splits):
            for name, look, words in _OVERLAPS:
                if sample := look(texts):
                    return f"{name}: {record.id} {words.format(sample)}"
    return ""


def self_judging(view: View, agent: ResourceId, benchmark: Benchmark) -> str:
    """Why an agent cannot be scored by a benchmark's judges, with the invariant's name; or empty.

    No resource that judges may be one that the agent uses, and no role of a judging model one that
    an agent in it answers with.
    """
    used = closure(agent, view.record)
    judges = judges_of(view, benchmark.judged_by)
    if both := sorted(judges.intersection(used)):
        return f"no_self_judging: {both[0]} judges, and {agent} uses it"
    roles = {f"{ROLE}{view.record(r).params.get('model')}" for r in used if _is_agent(r)}
    if both := sorted(roles.intersection(benchmark.judged_by)):
        return f"no_self_judging: the model of {both[0]} judges, and {agent} answers with it"
    return ""


def judges_of(view: View, judged_by: Iterable[str]) -> frozenset[ResourceId]:
    """The resources that judge, with all that they use. Raises NotFoundError for unknown ones."""
    found: set[ResourceId] = set()
    for name in judged_by:
        if not name.startswith(ROLE):
            rid = ResourceId.parse(name)
            if rid not in view:
                raise NotFoundError("resource", name, map(str, view), hint="It judges a benchmark.")
            found.update(closure(rid, view.record))
    return frozenset(found)


def _limits(record: Record) -> tuple[object, object]:
    return record.evolvable, record.metadata


def _outgrown(record: Record, before: Record | None) -> str:
    state = record.type in (EntityType.MEMORY, EntityType.ENVIRONMENT)
    limit = LARGEST_MEMORY if state else LARGEST
    for part in KINDS[record.type].parts(record):
        size = _size(record, part.path)
        if size > limit and (before is None or size > _size(before, part.path)):
            return f"{record.id}:{part.path} would have {size:,} characters, more than {limit:,}"
    return ""


def _size(record: Record, path: str) -> int:
    value = find_path(record.body(), path, "")
    return len(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _is_agent(rid: ResourceId) -> bool:
    return rid.type is EntityType.AGENT
