"""What a change goes back to: the origins a proposer read, the samples, traces and run behind it,
and the versions it was made with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agp import taint
from agp.evaluation.results import SampleResult
from agp.rspl.dependencies import closure
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.view import View
from agp.runtime.session import REFINE
from agp.sepl.lab import Lab
from agp.sepl.messages import Proposal

_PROPOSERS = ("reflect", "select", "diagnose", "diagnose.group", REFINE.name)
_FAMILIES = ("strategy.", "textgrad.", "create.")


def origins(seen: Sequence[SampleResult]) -> list[str]:
    """The labels of all that went into results, sorted."""
    found = {label for result in seen for label in result.taint}
    return sorted(found | {taint.sample(result.sample_digest) for result in seen})


def influences(seen: Sequence[SampleResult], run: str) -> list[str]:
    """The labels of origins, traces and the run."""
    traces = {taint.trace(result.trace_id) for result in seen if result.trace_id}
    return sorted({*origins(seen), *traces, f"run:{run}"})


def provenance(lab: Lab, start: View) -> dict[str, Any]:
    """What a run's commit says of where it comes from: the union over the proposals it kept."""
    kept = list(_kept(lab))
    return {
        "taint": sorted({label for each in kept for label in each.taint}),
        "influences": sorted({label for each in kept for label in each.influences}),
        "used": {str(rid): start.refs[rid] for rid in _used(lab, start)},
    }


def _kept(lab: Lab) -> Iterable[Proposal]:
    """The proposals that the search accepted: what was found is all of them together."""
    for key, payload in lab.journal.steps.items():
        if key.startswith("assessment/") and payload["verdict"]["accepted"]:
            yield Proposal.model_validate(payload["proposal"])


def _used(lab: Lab, start: View) -> list[ResourceId]:
    """What the run ran on: the agent with all it uses, and the prompts that ask for proposals."""
    asking = {
        rid
        for rid in start.refs
        if rid.type is EntityType.PROMPT
        and (rid.name in _PROPOSERS or rid.name.startswith(_FAMILIES))
    }
    return sorted(asking | set(closure(lab.agent, start.record)))
