"""Being told what a run is doing: observers, and the one that also tells callbacks.

What a run does reaches an `Observer` as typed events (`agp.runs.events`) through `Observer.event`;
the events that every run has also have a method of their own, which `event` calls. Whatever
observes must not disturb: a callback that raises is logged once and called no more.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from agp.budget import Spend
from agp.errors import InputError
from agp.runs import events
from agp.runs.events import Callback, Event

if TYPE_CHECKING:
    from agp.evaluation.results import SampleResult
    from agp.evaluation.splits import Splits
    from agp.sepl.plan import Plan

_log = logging.getLogger(__name__)

_ENDS_A_PART = (events.RoundFinished, events.Decision, events.RunFinished, events.RunStopped)
"""Before these it is told what is spent so far."""


class Observer:
    """Told what a run is doing; this one does nothing. The command line shows it."""

    def event(self, event: Event) -> None:
        """Something happened. Those that override this still get the methods below by super()."""
        match event:
            case events.PhaseStarted():
                self.phase(event.name, event.total)
            case events.SampleFinished():
                self.result(event.result)
            case events.Note():
                self.note(event.text)
            case events.Planned():
                self.planned(event.plan, event.splits)
            case _:
                pass

    def planned(self, made: Plan, splits: Splits) -> None:
        """The plan of the run that begins now, before anything is spent."""

    def phase(self, name: str, total: int) -> None:
        """A part of the run begins that runs ``total`` samples."""

    def result(self, result: SampleResult) -> None:
        """A sample is done."""

    def note(self, text: str) -> None:
        """Something worth a line happened."""


class Announcer(Observer):
    """What a run tells: every call and event goes on, as an event, to an observer and callbacks.

    Make it before the run, because it raises InputError for callbacks that cannot be called; then
    say which ``run`` it is, what earlier sessions of it spent (``before``), and what this one does
    (``spent``: the one object that is added to meanwhile).
    """

    def __init__(
        self, observer: Observer | None = None, callbacks: Sequence[Callback] = ()
    ) -> None:
        self.run = ""
        self.before = Spend()
        self.spent = Spend()
        self._observer = observer or Observer()
        self._callbacks = checked(callbacks)
        self._phase = ""

    def event(self, event: Event) -> None:
        if isinstance(event, events.PhaseStarted):
            self._phase = event.name
        if isinstance(event, _ENDS_A_PART):
            self._tell(events.BudgetSpent(spend=self._total()))
        self._tell(event)

    def planned(self, made: Plan, splits: Splits) -> None:
        self.event(events.Planned(plan=made, splits=splits))

    def phase(self, name: str, total: int) -> None:
        self.event(events.PhaseStarted(name=name, total=total))

    def result(self, result: SampleResult) -> None:
        self.event(events.SampleFinished(result=result, phase=self._phase))

    def note(self, text: str) -> None:
        self.event(events.Note(text=text))

    def _tell(self, event: Event) -> None:
        event = replace(event, run=self.run)
        self._observer.event(event)
        for callback in list(self._callbacks):
            try:
                callback(event)
            except Exception:
                self._callbacks.remove(callback)
                _log.exception(
                    "The callback %r failed on %s; run %s goes on without it.",
                    callback,
                    type(event).__name__,
                    self.run,
                )

    def _total(self) -> Spend:
        total = self.before.model_copy()
        total.add(self.spent)
        return total


def checked(callbacks: Sequence[Callback]) -> list[Callback]:
    """The callbacks. Raises InputError for what is no function of one event."""
    if callable(callbacks):
        raise InputError("callbacks is a list of functions.", hint=f"Write [{callbacks!r}].")
    for callback in callbacks:
        if not callable(callback):
            raise InputError(f"{callback!r} is no callback.", hint="Give functions of one event.")
        if inspect.iscoroutinefunction(callback):
            raise InputError(
                f"{callback!r} is async; events are told at once, in order.",
                hint="Give a plain function; it may start a task (asyncio.create_task).",
            )
        try:
            inspect.signature(callback).bind(Event())
        except TypeError as error:
            raise InputError(
                f"{callback!r} cannot be called with one event: {error}.",
                hint="Write: def callback(event): …",
            ) from error
        except ValueError:  # built in, its signature is not known
            continue
    return list(callbacks)
