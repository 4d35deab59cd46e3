"""What happens in a run, as typed events: what a callback is given.

Events say what was done, in the order in which it was done; they carry no way to change it. Each
is a frozen dataclass with ``run`` (the run's id) and ``at`` (when, ISO 8601 in UTC);
`Event.data` is the same as JSON. On resume, what is replayed from the journal is told again.

Who tells them: `agp.runs.observer.Announcer` what an observer was always told (phases, samples,
notes, the plan) and what is spent; the project how a run begins and ends; the operators of
`agp.sepl` what becomes of candidates, rounds and the decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agp.store.tables import now

if TYPE_CHECKING:
    from agp.budget import Spend
    from agp.evaluation.results import SampleResult
    from agp.evaluation.splits import Splits
    from agp.runs.report import Report
    from agp.sepl.plan import Plan

JsonObject = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events; ``run`` is filled in on the way to callbacks."""

    run: str = ""
    at: str = field(default_factory=now, compare=False)

    def data(self) -> JsonObject:
        """The event as JSON, its name under ``type``."""
        from pydantic_core import to_jsonable_python

        return {"type": type(self).__name__, **to_jsonable_python(self)}


Callback = Callable[[Event], object]
"""What a user gives to be told events; what it returns is ignored."""


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """A session of a run begins: the first one, or (``resumed``) a later one."""

    kind: str
    config: JsonObject
    resumed: bool = False


@dataclass(frozen=True, kw_only=True)
class Planned(Event):
    """The plan, before anything is spent: agent runs at most, and the samples of each split."""

    plan: Plan
    splits: Splits


@dataclass(frozen=True, kw_only=True)
class PhaseStarted(Event):
    """A part of the run begins that runs ``total`` samples."""

    name: str
    total: int


@dataclass(frozen=True, kw_only=True)
class SampleFinished(Event):
    """A sample is done; ``phase`` is the part of the run it belongs to."""

    result: SampleResult
    phase: str = ""


@dataclass(frozen=True, kw_only=True)
class CandidateProposed(Event):
    """A proposal was applied to a view as a candidate, or refused unrun (``fault`` says why).

    ``parents`` are the candidates it was made from (``seed``: the start); ``edits`` are as in
    `agp.sepl.edits`, ``digests`` those of the candidate's records by resource.
    """

    round: int
    id: str
    strategy: str
    rationale: str = ""
    edits: Sequence[JsonObject] = ()
    parents: Sequence[str] = ("seed",)
    digests: Mapping[str, str] = field(default_factory=dict[str, str])
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class CandidateAssessed(Event):
    """A candidate was kept by the search or dropped; ``rule``, ``reason``, ``numbers`` say why.

    ``scores`` are those on selection by digest of the sample, where it was run (None: unscored);
    ``evaluations`` is what the search had spent by then, in samples that were begun.
    """

    round: int
    id: str
    strategy: str
    accepted: bool
    rule: str
    reason: str
    numbers: JsonObject = field(default_factory=dict[str, Any])
    parents: Sequence[str] = ("seed",)
    scores: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    evaluations: int | None = None


@dataclass(frozen=True, kw_only=True)
class RoundFinished(Event):
    """A round of the search is over; round 0 is the baseline.

    ``feedback`` and ``selection`` are the means of the best so far, None where it was not run;
    ``best`` is its candidate (``seed``: the start).
    """

    round: int
    feedback: float | None
    selection: float | None
    best: str = "seed"
    evaluations: int | None = None


@dataclass(frozen=True, kw_only=True)
class Decision(Event):
    """The gate decided on the holdout; ``commit`` made the change live, if one did."""

    accepted: bool
    rule: str
    reason: str
    numbers: JsonObject = field(default_factory=dict[str, Any])
    commit: str | None = None


@dataclass(frozen=True, kw_only=True)
class BudgetSpent(Event):
    """What the run has spent so far, all sessions together; told when a part of it is over."""

    spend: Spend


@dataclass(frozen=True, kw_only=True)
class Note(Event):
    """Something worth a line happened."""

    text: str


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """The run is over; this is its report."""

    report: Report


@dataclass(frozen=True, kw_only=True)
class RunStopped(Event):
    """A session ended before its run did.

    ``status`` is ``stopped`` (it can be resumed), ``failed`` (resuming would not help) or
    ``refused`` (its input was wrong); ``error`` names the exception.
    """

    status: str
    error: str
    message: str
