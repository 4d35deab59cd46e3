"""Whether the objective is still what it was: asked at every assessment, so it must cost little.

Digests of all data and of the scorer's source take milliseconds; they are made once and again
only where a cheap look finds a difference: samples are compared with a copy of what they held, the
scorer with the functions it was made of, its plain settings, and its files' times and sizes. What
is changed in memory, by whatever code got in, is found as well as a file that was rewritten.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from types import CodeType, FunctionType
from typing import Any, cast

from agp.errors import AgpError
from agp.evaluation.splits import Splits
from agp.evaluation.types import Benchmark, Sample
from agp.sepl.gate import Policy
from agp.sepl.objective import Objective

_SHARED = ("agp.evaluation.answers", "agp.evaluation.judge", "agp.runtime.process")


def verify(objective: Objective, benchmark: Benchmark, splits: Splits, policy: Policy) -> None:
    """Raises AgpError naming what is no longer as it was when the run started.

    Parameters: ``objective`` as it was fixed then; the others as they are now.
    """
    known = _KNOWN.get(id(splits))
    if known is not None and known.holds(objective, benchmark, splits, policy):
        return
    objective.demand(Objective.of(benchmark, splits, policy))
    if known is not None and known.about(benchmark, splits):
        # The digests agree, so what changed is what they do not cover.
        what = known.difference(benchmark, splits)
        if what:
            raise AgpError(
                f"The run's objective changed: {what} not what it was at the start.",
                hint="Something in this process changed it. Start a new run.",
            )
    key = id(splits)
    seen = _Seen(objective, benchmark, splits)
    _KNOWN[key] = seen
    weakref.finalize(splits, _KNOWN.pop, key, None)


class _Seen:
    """What an objective was made of when it was last verified in full."""

    def __init__(self, objective: Objective, benchmark: Benchmark, splits: Splits) -> None:
        self._splits = weakref.ref(splits)
        self._benchmark = weakref.ref(benchmark)
        self._objective = objective
        self._held = [
            (part, [(sample, _content(sample, deepcopy)) for sample in part])
            for part in _parts(splits)
        ]
        self._scorer = _scorer(benchmark)
        self._files = _files(benchmark)

    def about(self, benchmark: Benchmark, splits: Splits) -> bool:
        """Whether these are the very objects that were seen."""
        return self._splits() is splits and self._benchmark() is benchmark

    def holds(
        self, objective: Objective, benchmark: Benchmark, splits: Splits, policy: Policy
    ) -> bool:
        """Whether nothing changed since."""
        return (
            self.about(benchmark, splits)
            and (objective is self._objective or objective == self._objective)
            and policy == objective.gate
            and _files(benchmark) == self._files
            and not self.difference(benchmark, splits)
        )

    def difference(self, benchmark: Benchmark, splits: Splits) -> str:
        """What changed in memory, in words; empty where nothing did."""
        for part, (before, held) in zip(_parts(splits), self._held, strict=True):
            if part is not before or len(part) != len(held):
                return "its samples are"
            for sample, (was, content) in zip(part, held, strict=True):
                if sample is not was or _content(sample) != content:
                    return f"sample {was.id} is"
        return "its scorer is" if _scorer(benchmark) != self._scorer else ""


_KNOWN: dict[int, _Seen] = {}


def _same(value: Any) -> Any:
    return value


def _parts(splits: Splits) -> tuple[Sequence[Sample], ...]:
    return splits.feedback, splits.selection, splits.holdout


def _content(sample: Sample, copy: Callable[[Any], Any] = _same) -> tuple[Any, ...]:
    """All a sample holds. Texts are immutable and compared by identity first: this is quick."""
    task = sample.task
    parts = sample.target, task.input, task.fields, task.files, sample.metadata, sample.id
    return tuple(copy(part) for part in parts)


def _scorer(benchmark: Benchmark) -> dict[str, object]:
    """The functions and plain settings that scoring depends on, by name."""
    found: dict[str, object] = {}
    for owner in (*type(benchmark).__mro__[:-1], *_modules(benchmark)):
        name = owner.__name__
        for key, value in vars(owner).items():
            if (code := _code(value)) is not None:
                found[f"{name}.{key}"] = code
    for key, value in vars(benchmark).items():
        if value is None or isinstance(value, str | int | float | bool):
            found[key] = value
        elif callable(value):
            found[key] = id(value)
    return found


def _code(value: object) -> tuple[CodeType, object] | None:
    if isinstance(value, staticmethod | classmethod):
        value = cast("Any", value).__func__
    elif isinstance(value, property):
        value = value.fget
    if isinstance(value, FunctionType):
        return value.__code__, value.__defaults__
    return None


def _modules(benchmark: Benchmark) -> list[Any]:
    names = [base.__module__ for base in type(benchmark).__mro__ if issubclass(base, Benchmark)]
    modules: Mapping[str, Any] = sys.modules
    return [modules[name] for name in dict.fromkeys((*names, *_SHARED)) if name in modules]


def _files(benchmark: Benchmark) -> list[tuple[int, int] | None]:
    """Time and size of the files that a scorer's source stands in."""
    found: list[tuple[int, int] | None] = []
    for module in _modules(benchmark):
        if (path := getattr(module, "__file__", None)) is not None:
            try:
                stat = os.stat(path)
            except OSError:
                found.append(None)
            else:
                found.append((stat.st_mtime_ns, stat.st_size))
    return found
