"""Carrying out a run, or carrying it on: metered, journalled, and ended in a way that is noted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import monotonic
from typing import Any, TypeVar

from agp.budget import Budget, Ledger, Spend, collect
from agp.errors import AgpError, BudgetExhausted, InputError, Interrupted, ProposerError
from agp.runs.events import RunFinished, RunStarted, RunStopped
from agp.runs.journal import FAILED, REFUSED, STOPPED, Journal
from agp.runs.metered import metered
from agp.runs.observer import Announcer
from agp.runs.report import Report, ended_by, reused_in, spend_of, wall_of

REPORT = "report"

R = TypeVar("R", bound=Report)


async def carry_out(
    journal: Journal,
    form: type[R],
    work: Callable[[Ledger], Awaitable[R]],
    watch: Announcer,
    *,
    shared: Mapping[str, Budget],
    unmetered: Iterable[str] = (),
) -> R:
    """The report of a run: made by ``work`` now, or read where the run has finished.

    Parameters: ``work`` does it within a ledger; ``watch`` is told; ``shared`` are the limits of
    scopes that all runs share; ``unmetered`` names limits of the run that ``work`` keeps itself.
    Whatever ends it is journalled with what the session took. Raises Interrupted for Ctrl-C, and
    what ``work`` raises.
    """
    if (done := journal.done(REPORT)) is not None:
        return form.model_validate(done)
    began, before = monotonic(), spend_of(journal)
    watch.run, watch.before = journal.run, before
    budget = Budget.model_validate(journal.config.get("budget", {}))
    budget = budget.model_copy(update=dict.fromkeys(unmetered))
    paid = before.amounts(wall_of(journal))
    where = journal.database, journal.run
    with collect() as spent:
        watch.spent = spent
        try:
            again = bool(journal.steps)
            watch.event(RunStarted(kind=journal.kind, config=journal.config, resumed=again))
            async with metered(
                *where, budget, shared=shared, spent=paid, since=journal.stops
            ) as ledger:
                report = await work(ledger)
        except BaseException as error:
            took, told = monotonic() - began, ended_by(error)
            _note_session(journal, before, spent, took, ended=told)
            status = _ending(error, journal)
            journal.close(status)
            message = told.get("message") or str(error)
            watch.event(RunStopped(status=status, error=told["error"], message=message))
            if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
                raise Interrupted(
                    f"Run {journal.run} was stopped; everything finished is kept.",
                    hint=f"Go on with: agp resume {journal.run}",
                ) from error
            if isinstance(error, BudgetExhausted | Interrupted):
                _tell_run(error, journal.run)
            raise
    _note_session(journal, before, spent, monotonic() - began)
    report.spend = spend_of(journal)
    report.wall_seconds = wall_of(journal)
    report.reused = reused_in(journal)
    journal.append(REPORT, REPORT, report.model_dump(mode="json"), also=journal.finished)
    watch.event(RunFinished(report=report))
    return report


def _note_session(
    journal: Journal,
    before: Spend,
    spent: Spend,
    wall: float,
    ended: dict[str, Any] | None = None,
) -> None:
    """Journal what this session took: its time, and what samples that never finished cost."""
    noted = spend_of(journal).beyond(before)
    payload = {"wall": wall, "spend": spent.beyond(noted).model_dump(), "ended": ended}
    journal.append(f"session/{len(journal.steps)}", "session", payload)


def _tell_run(error: AgpError, run: str) -> None:
    """Say which run ended, and that it can go on."""
    error.message = f"Run {run}: {error.message}"
    resume = f"agp resume {run}"
    hint = error.hint or ""
    if "agp resume" not in hint:
        hint = f"{hint} Everything finished is kept. Go on with: {resume}".strip()
    elif resume not in hint:
        hint = hint.replace("agp resume", resume, 1)
    error.hint = hint


def _ending(error: BaseException, journal: Journal) -> str:
    if isinstance(error, ProposerError):
        return FAILED
    if isinstance(error, InputError) and not journal.begun:
        return REFUSED
    return STOPPED
