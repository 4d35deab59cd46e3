"""Running tasks, and benchmarks, through a rollout."""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from agp.errors import BudgetExhausted, InputError, Interrupted, ModelError, ResourceError
from agp.rspl.lock import write_lock
from agp.rspl.view import View
from agp.runs.journal import Journal
from agp.runtime import Answer, Task
from agp.sepl.rollout.steps import Rollouts
from agp.sepl.rollout.types import Lane, Rollout, Stage

Answering = Callable[[View | None], Awaitable[Answer]]
Scoring = Callable[[Path | None], Awaitable[Any]]


async def serve(rollouts: Rollouts, rollout: Rollout, task: Task, answering: Answering) -> Answer:
    """Answer a task as the rollout has it.

    Parameters: ``answering`` runs the task on a view, None for what is live. As a shadow the
    candidate runs after what is live, and its answer goes to nobody; as a canary it answers its
    share, and where it fails, what is live answers. Failures are recorded at once; scores come by
    `Rollouts.record` under the name of the task that the answer's notes tell.
    """
    name = f"{hashlib.sha256(task.input.encode()).hexdigest()[:10]}-{secrets.token_hex(3)}"
    lane: Lane = "candidate" if rollout.stage is Stage.ACTIVE else rollout.lane(task.input)
    lanes: list[Lane] = [lane]
    failed: list[Lane] = []
    answer = None
    if lane == "live" or rollout.stage is Stage.ACTIVE:
        answer = await answering(None)
        if _failed(answer):
            failed.append(lane)
    if lane == "candidate" and rollout.stage is Stage.CANARY:
        answer = await _candidate(rollouts, rollout, answering)
        if answer is None:
            failed.append("candidate")
            answer = await answering(None)
    if rollout.stage is Stage.SHADOW:
        lanes.append("candidate")
        if await _candidate(rollouts, rollout, answering) is None:
            failed.append("candidate")
    assert answer is not None
    rollouts.served(rollout, name, lanes)
    if failed:
        rollouts.record(rollout.id, [(name, each, None) for each in failed])
    if open_ := [each for each in lanes if each not in failed]:
        answer.notes.append(
            f"{rollout.id} ({rollout.stage}, {lane}): record how it went with: "
            f"agp rollout record {name} --score S --lane {open_[0]}"
        )
    return answer


async def measure(rollouts: Rollouts, rollout: Rollout, scoring: Scoring) -> Rollout:
    """Run a benchmark on what is live and on the candidate, and record both sides of each sample.

    Parameters: ``scoring`` carries out a benchmark run on a lock file, None for what is live, and
    returns its report. In stage active only the candidate, which is live, runs.
    """
    database = rollouts.history.database
    found: list[tuple[str, Lane, float | None]] = []
    sides: list[tuple[Lane, Path | None]] = [("candidate", None)]
    with tempfile.TemporaryDirectory(prefix="agp-rollout-") as folder:
        if rollout.stage is not Stage.ACTIVE:
            lock = Path(folder) / "candidate.lock.json"
            write_lock(rollouts.view(rollout), lock, rollouts.history)
            sides = [("live", None), ("candidate", lock)]
        known = {(outcome.task, outcome.lane) for outcome in rollout.outcomes}
        for lane, lock in sides:
            report = await scoring(lock)
            for payload in Journal.reopen(database, report.run).steps.values():
                if "sample_digest" in payload and payload.get("score") is not None:
                    which = f"{payload['sample']}:{payload['sample_digest'][:8]}"
                    name = f"{rollout.stage.value}:{which}"
                    if (name, lane) not in known:
                        failed = payload["ended"] in ("failed", "empty")
                        found.append((name, lane, None if failed else payload["score"]))
    if not found:
        raise InputError(
            "These samples were recorded in this stage already.",
            hint="Take others: --seed N, or more: --limit N",
        )
    return rollouts.record(rollout.id, found)


async def _candidate(rollouts: Rollouts, rollout: Rollout, answering: Answering) -> Answer | None:
    """The candidate's answer; None where it failed."""
    try:
        answer = await answering(rollouts.view(rollout))
    except (Interrupted, BudgetExhausted):
        raise
    except (ModelError, ResourceError):
        return None
    return None if _failed(answer) else answer


def _failed(answer: Answer) -> bool:
    return answer.ended in ("failed", "empty")
