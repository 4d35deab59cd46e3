"""The message space P: what operators hand to each other, as plain data."""

from __future__ import annotations

from pydantic import BaseModel, Field

from agp.evaluation.results import SampleResult
from agp.rspl.entities import Record
from agp.sepl.edits import Edit
from agp.sepl.gate import Verdict


class Message(BaseModel):
    """Base of all messages; ``round`` is t, counted from 1."""

    round: int


class Traces(Message):
    """Z: what executing the agent gave, on feedback and on selection samples.

    ``settled`` is set by an operator that found nothing left to learn from: the search ends.
    """

    feedback: list[SampleResult]
    selection: list[SampleResult]
    settled: bool = False


class Hypothesis(BaseModel):
    """H: why the agent fails, and the samples that show it."""

    cause: str
    samples: list[str] = Field(default_factory=list[str])


class Hypotheses(Message):
    """What Reflect found; empty where nothing failed or no reply could be read.

    ``seen`` are the results that the reflector was shown.
    """

    traces: Traces
    items: list[Hypothesis]
    seen: list[SampleResult] = Field(default_factory=list[SampleResult])


class Proposal(BaseModel):
    """D: concrete edits, the strategy they follow, and the reason in words.

    ``taint`` are the origins of what the proposer read, ``influences`` those and the samples,
    traces and run behind it (labels: see `agp.taint`).
    """

    id: str
    strategy: str
    rationale: str
    edits: list[Edit]
    taint: list[str] = Field(default_factory=list[str])
    influences: list[str] = Field(default_factory=list[str])


class Modifications(Message):
    """What Select proposes."""

    traces: Traces
    items: list[Proposal]


class Candidate(BaseModel):
    """V': a proposal applied, as candidate records; ``fault`` says why it was refused instead.

    ``parents`` are ids of pool members: the records are laid over the view of the first.
    """

    proposal: Proposal
    records: list[Record] = Field(default_factory=list[Record])
    fault: str = ""
    parents: list[str] = Field(default_factory=list[str])

    @property
    def digests(self) -> dict[str, str]:
        """Resource → digest of the candidate's records."""
        return {str(record.id): record.digest for record in self.records}


class Candidates(Message):
    """What Improve made."""

    traces: Traces
    items: list[Candidate]


class Assessment(BaseModel):
    """S for one candidate: results on the screen and, if it survived, on selection samples."""

    candidate: Candidate
    screen: list[SampleResult] = Field(default_factory=list[SampleResult])
    selection: list[SampleResult] = Field(default_factory=list[SampleResult])
    verdict: Verdict


class Evaluations(Message):
    """What Evaluate measured."""

    traces: Traces
    items: list[Assessment]


class Outcome(Message):
    """What Commit decided in this round; feedback traces are still those of before.

    ``converged`` says that there is nothing left to learn from.
    """

    traces: Traces
    accepted: Candidate | None
    assessments: list[Assessment]
    converged: bool = False
