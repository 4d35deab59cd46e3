"""Samples, scores and the Benchmark contract: what every benchmark file builds on."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field, field_validator

from agp.canonical import digest
from agp.errors import InputError
from agp.runtime.types import Task


class Sample(BaseModel):
    """One item of a benchmark: the task an agent sees and the target only the scorer sees."""

    id: str
    task: Task
    target: str
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])
    _known: tuple[Task, str, str, str] | None = None

    @property
    def digest(self) -> str:
        """Content digest of task and target; id and metadata do not count."""
        known, task = self._known, self.task
        if known and known[0] is task and known[1] is task.input and known[2] is self.target:
            return known[3]
        made = digest({"task": task.model_dump(), "target": self.target})
        self._known = task, task.input, self.target, made
        return made


class Score(BaseModel):
    """The verdict on one answer.

    ``value`` is in [0, 1]; ``answer`` is what was extracted from the text; ``feedback`` says
    what was wrong in words fit for reflection (an error message, the expected form). A wrong,
    crashed or timed-out answer has value 0 and stays in the denominator.
    """

    value: float
    answer: str | None = None
    feedback: str = ""

    @field_validator("value", mode="before")
    @classmethod
    def _a_real_number(cls, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"a score is a number in [0, 1], not {value!r}")
        if not 0.0 <= value <= 1.0:  # also false for NaN
            raise ValueError(f"a score is a finite number in [0, 1], not {value!r}")
        return float(value)


class DataRequest(BaseModel):
    """How the user asked for data: an explicit path, a seed for generated data, hub or not."""

    path: Path | None = None
    seed: int = 0
    limit: int | None = None
    allow_hub: bool = True


class Benchmark(ABC):
    """One benchmark: where its samples come from and how an answer is scored.

    A benchmark file defines one subclass. ``score`` is deterministic and never evaluates model
    text in this process. Parameters given on the command line arrive in ``__init__``.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    agent: ClassVar[str] = "solver"
    """The shipped agent that suits it; ``--agent`` overrides."""
    refinable: ClassVar[bool] = False
    """Whether ``score().feedback`` tells what failed without telling the answer (Solution-Evo)."""

    cpu_bound: ClassVar[bool] = False
    """Whether ``score`` computes for long, or could: it runs in a process of its own then, which
    is killed at its time limit. The class must be in a file, and what it holds picklable."""

    generated: ClassVar[bool] = False
    """Whether samples are made from the seed, as many as asked for, instead of read."""
    judged_by: ClassVar[tuple[str, ...]] = ()
    """What a model judges with: resources (``prompt/judge``) and model roles (``role/judge``)."""
    calibration: Any = None
    """The judging model's `agp.evaluation.calibration.Calibration`; without it no gate uses it."""

    @abstractmethod
    def load(self, request: DataRequest) -> list[Sample]:
        """All samples in their own order, at most ``request.limit``. Raises DataError."""

    @abstractmethod
    async def score(self, sample: Sample, text: str) -> Score:
        """Score the agent's final text. Never raises for a wrong answer."""

    def twin(self, sample: Sample, seed: int) -> Sample | None:
        """A sample that asks the same of an agent in other words, or of other figures; or None.

        Who solved ``sample`` honestly solves its twin about as often. Default: persons get other
        names, and blank lines are added.
        """
        from agp.evaluation.twins import reworded

        return reworded(sample, seed)

    @property
    def scorer_digest(self) -> str:
        """Digest of the scoring source and plain parameters: it changes when scoring could.

        Raises InputError where the source cannot be read (a class typed into a console).
        """
        from agp.evaluation import answers, judge
        from agp.runtime import process

        bases = [base for base in type(self).__mro__ if issubclass(base, Benchmark)]
        own = [_source(base) for base in bases if base is not Benchmark]
        shared = [inspect.getsource(module) for module in (answers, judge, process)]
        plain = {
            name: value
            for name, value in vars(self).items()
            if isinstance(value, str | int | float | bool | None)
        }
        return digest([*dict.fromkeys(own), *shared, plain])


def _source(kind: type) -> str:
    """The source of the module that defines a class, or of the class alone (a notebook's)."""
    for thing in (inspect.getmodule(kind), kind):
        try:
            return inspect.getsource(thing)  # pyright: ignore[reportArgumentType]
        except (OSError, TypeError):
            continue
    raise InputError(
        f"The source of the benchmark class {kind.__name__} cannot be read.",
        hint="Put it into a file, or give it a property scorer_digest that names its version.",
    )
