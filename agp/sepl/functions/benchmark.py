"""The benchmark that a function is: a name and an identity; its samples are the user's examples."""

from __future__ import annotations

import functools
import inspect
from typing import Any, cast

from agp.canonical import digest
from agp.errors import AgpError
from agp.evaluation.types import Benchmark, DataRequest, Sample, Score


class FunctionBenchmark(Benchmark):
    """Parameters: ``name`` of the objective; ``metric`` what scores, a function or an adapter."""

    name = "function"
    description = "a function of a program"

    def __init__(self, name: str, metric: Any) -> None:
        self.title = name
        self._metric = metric

    def load(self, request: DataRequest) -> list[Sample]:
        """Raises AgpError: the examples are in the program that has the function."""
        raise AgpError("The examples of this objective are in the program that made the run.")

    async def score(self, sample: Sample, text: str) -> Score:
        """Raises AgpError: texts are scored, not answers."""
        raise AgpError("This objective scores texts, not answers.")

    def twin(self, sample: Sample, seed: int) -> Sample | None:
        """None: the examples are objects of a program, which only it could vary."""
        return None

    @property
    def scorer_digest(self) -> str:
        """Digest of the function's source, or of its name where the source is not to be had."""
        return digest([self.title, source_of(self._metric)])


def source_of(metric: Any) -> str:
    """The source of a function, a method's class, or an object's class; else its name."""
    while isinstance(metric, functools.partial):
        metric = metric.func
    owner = getattr(metric, "__self__", None)
    if owner is not None:
        metric = cast("Any", type(owner))
    elif not inspect.isroutine(metric) and not inspect.isclass(metric):
        metric = cast("Any", type(metric))
    try:
        return inspect.getsource(metric)
    except (OSError, TypeError):
        return f"{metric.__module__}.{metric.__qualname__}"
