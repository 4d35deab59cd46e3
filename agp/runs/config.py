"""What determines a run, as plain data: it is stored with the run and resumes it."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agp.budget import Budget
from agp.errors import InputError
from agp.models.manager import RoleConfig
from agp.permissions import Mode
from agp.rspl.history import MAIN


class RunConfig(BaseModel):
    """What a benchmark run and an evolution have in common.

    ``benchmark`` may carry a parameter (``reasoning_gym:gcd``); ``data`` is a path to its data;
    ``limit`` how many samples are used at most, drawn by ``seed``; ``refine`` how often an
    agent may improve on its own answer; ``concurrency`` how many samples are under way at once,
    by default as many as the solver's role says, else 8, or 1 on the embedded model, which answers
    one call at a time; ``sample_seconds`` what one sample may take, with all its calls and their
    waiting, and ``scorer_seconds`` the scoring of one answer; ``policy`` is the
    digest of the policy in force and ``permissions`` the mode that was asked for instead of its
    own.
    """

    model_config = ConfigDict(extra="forbid")

    agent: str = ""
    benchmark: str
    data: Path | None = None
    allow_hub: bool = True
    limit: int | None = None
    seed: int = 0
    refine: int = 0
    branch: str = MAIN
    models: dict[str, RoleConfig]
    budget: Budget = Field(default_factory=Budget)
    concurrency: int | None = None
    sample_seconds: float | None = None
    scorer_seconds: float | None = None
    policy: str = ""
    permissions: Mode | None = None

    def check(self) -> None:
        """Raises InputError for numbers that make no sense."""
        at_least(1, limit=self.limit, concurrency=self.concurrency)
        at_least(0, refine=self.refine)
        for name in ("sample_seconds", "scorer_seconds"):
            seconds = getattr(self, name)
            if seconds is not None and not 0 < seconds < inf:
                raise InputError(f"{name} must be a positive number of seconds, not {seconds}.")
        checked_budget(self.budget.model_dump())


class BenchConfig(RunConfig):
    """A benchmark run.

    ``epochs`` is how often every sample is run, each time drawn anew: its score is the mean.
    ``lock`` is a lock file to run from instead of the branch; ``commit`` a commit, a tag or another
    branch to run at.
    """

    lock: Path | None = None
    commit: str | None = None
    epochs: int = 1

    def check(self) -> None:
        """See `RunConfig`."""
        super().check()
        at_least(1, epochs=self.epochs)


def checked_budget(limits: dict[str, Any]) -> Budget:
    """The limits of a run or a task. Raises InputError for numbers that make no sense."""
    try:
        budget = Budget.model_validate(limits)
    except ValidationError as error:
        fault = error.errors()[0]
        raise InputError(f"The budget's {fault['loc'][-1]}: {fault['msg']}.") from error
    at_least(0, **budget.limits())
    return budget


def at_least(least: int, **values: float | None) -> None:
    """Raises InputError for a value below ``least``; None is no value."""
    for name, value in values.items():
        if value is not None and not value >= least:
            raise InputError(f"{name} must be at least {least}, not {value}.")
