"""What is shown while a run goes on: bars on a terminal, plain lines elsewhere; on stderr."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

from agp.cli.asking import paused_by_questions
from agp.cli.render import clean, console, duration, percent
from agp.runs.observer import Observer

if TYPE_CHECKING:
    from agp.evaluation.results import SampleResult
    from agp.evaluation.splits import Splits
    from agp.sepl.plan import Plan

HEARTBEAT_S = 15.0
_BETWEEN = "working out what is next"


@dataclass
class Phase:
    """The part of the run that is under way."""

    name: str
    total: int
    began: float = field(default_factory=monotonic)
    done: int = 0
    reused: int = 0
    unscored: int = 0
    tokens: int = 0
    scores: list[float] = field(default_factory=list[float])

    def add(self, result: SampleResult) -> None:
        """Count one sample."""
        self.done += 1
        self.reused += result.reused
        self.unscored += result.score is None
        self.tokens += 0 if result.reused else result.spend.tokens
        if result.score is not None:
            self.scores.append(result.score)

    @property
    def over(self) -> bool:
        """Whether every sample is done."""
        return self.done >= self.total

    @property
    def seconds(self) -> float:
        """Since it began."""
        return monotonic() - self.began

    @property
    def left(self) -> str:
        """How long the rest should take, from the samples that were really run."""
        run = self.done - self.reused
        seconds = self.seconds / run * (self.total - self.done) if run else 0.0
        return f"about {duration(seconds)} left" if seconds >= 1 else ""

    @property
    def counts(self) -> list[str]:
        """What is known so far."""
        mean = percent(sum(self.scores) / len(self.scores)) if self.scores else "-"
        parts = [
            f"{self.done} of {self.total} samples",
            f"mean {mean}",
            f"{self.unscored} unscored" if self.unscored else "",
            f"{self.reused} known already" if self.reused else "",
            f"{self.tokens:,} tokens" if self.tokens else "",
        ]
        return [part for part in parts if part]

    def __str__(self) -> str:
        left = [self.left] if self.left else []
        return ", ".join([*self.counts, duration(self.seconds), *left])


class Progress(Observer):
    """Keeps count of phases; what shows them is told of every change.

    Parameters: ``tested`` is whether the gate makes a test of significance.
    """

    def __init__(self, *, tested: bool) -> None:
        self.tested = tested
        self.console = console(stderr=True)
        self.began = monotonic()
        self.current: Phase | None = None
        self.planned_runs = 0
        self.runs = 0

    def planned(self, made: Plan, splits: Splits) -> None:
        self.planned_runs = made.total
        for line, style in plan_lines(made, splits, tested=self.tested):
            self.say(line, style)

    def phase(self, name: str, total: int) -> None:
        self.current = Phase(name, total)
        self.changed(self.current)

    def result(self, result: SampleResult) -> None:
        phase = self.current
        if phase is None:
            return
        phase.add(result)
        self.runs += 1
        if phase.over:
            self.say(f"{self.clock} {phase.name}: {phase}")
        self.changed(phase)

    def note(self, text: str) -> None:
        self.say(f"{self.clock} {text}", "yellow")

    @property
    def overall(self) -> str:
        """How far the whole plan is."""
        return f"{self.runs} of at most {self.planned_runs} runs" if self.planned_runs else ""

    @property
    def clock(self) -> str:
        """Time since the start."""
        minutes, seconds = divmod(int(monotonic() - self.began), 60)
        return f"[{minutes:02}:{seconds:02}]"

    def say(self, text: str, style: str = "") -> None:
        """Print a line that stays."""
        self.console.print(clean(text), style=style, soft_wrap=True)

    def changed(self, phase: Phase) -> None:
        """The phase moved on."""


class Bars(Progress):
    """One live bar with the running mean under lines of what is done.

    Parameters: ``bar`` is the `rich.progress.Progress` to draw it in.
    """

    def __init__(self, bar: Any, *, tested: bool) -> None:
        super().__init__(tested=tested)
        self.bar = bar
        self.console = bar.console
        self.shown = ("preparing", 0)
        self.task = bar.add_task("preparing", total=None, figures="")

    def changed(self, phase: Phase) -> None:
        title, total = (_BETWEEN, None) if phase.over else (phase.name, phase.total)
        figures = [self.overall] if phase.over else [*phase.counts, phase.left, self.overall]
        text = ", ".join(figure for figure in figures if figure)
        if self.shown != (title, id(phase)):
            self.shown = (title, id(phase))
            self.bar.remove_task(self.task)
            self.task = self.bar.add_task(title, total=total, figures=text)
        self.bar.update(self.task, completed=phase.done, figures=text)


class Lines(Progress):
    """Plain lines, and a sign of life every `HEARTBEAT_S` seconds."""

    def __init__(self, *, tested: bool) -> None:
        super().__init__(tested=tested)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def start(self) -> None:
        """Begin to give signs of life."""
        self._thread.start()

    def stop(self) -> None:
        """No more of them."""
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            phase = self.current
            if phase is None:
                self.say(f"{self.clock} preparing")
            elif phase.over:
                self.say(f"{self.clock} {_BETWEEN}")
            else:
                self.say(f"{self.clock} {phase.name}: {phase}, {self.overall}".rstrip(", "))


@contextmanager
def progress(*, tested: bool = True) -> Generator[Progress]:
    """What to show a run with, for as long as it goes on."""
    if not console(stderr=True).is_terminal:
        lines = Lines(tested=tested)
        lines.start()
        try:
            yield lines
        finally:
            lines.stop()
        return
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[figures]}", markup=False),
        TimeElapsedColumn(),
    )
    bar = RichProgress(*columns, console=console(stderr=True), transient=True)
    with bar, paused_by_questions(bar.stop, bar.start):
        yield Bars(bar, tested=tested)


def plan_lines(made: Plan, splits: Splits, *, tested: bool) -> list[tuple[str, str]]:
    """What a run will cost at most and what it can show, as (line, style)."""
    sizes = [len(part) for part in (splits.feedback, splits.selection, splits.holdout)]
    dropped = f" ({splits.duplicates} duplicates dropped)" if splits.duplicates else ""
    lines = [
        ("Splits: feedback {}, selection {}, holdout {}".format(*sizes) + dropped, ""),
        (f"Plan: {made.calls}", ""),
    ]
    may = [(line, "") for line in made.envelope.splitlines()]
    if not tested:
        gate = "Gate: the mean on the holdout must not fall; chance alone can do that."
        return [*lines, (gate, ""), *may]
    return [*lines, *_power_lines(made, sizes[-1]), *may]


def _power_lines(made: Plan, holdout: int) -> list[tuple[str, str]]:
    if made.wins is None:
        return [
            (
                f"Warning: a holdout of {holdout} is too small for any gain to be significant: "
                "nothing can be committed.",
                "bold yellow",
            ),
            ("  Use more samples (--limit, --holdout), or --accept non_degrading.", "yellow"),
        ]
    if made.gain is None:
        gain = "no gain is found with 80 % power on so small a holdout"
    else:
        gain = f"the smallest gain it can show is {100 * made.gain:.0f} points with 80 % power"
    chances = ", ".join(
        f"{percent(chance)} for a gain of {points} points" for points, chance in made.power.items()
    )
    wins = f"at least {made.wins} wins without a loss are needed"
    parts = [part for part in (chances, gain, wins) if part]
    lines = [(f"Power: {'; '.join(parts)}.", "" if made.gain is not None else "yellow")]
    if made.look > 1:
        lines.append(
            (
                f"  α is {made.alpha:.2g} here: these samples have decided before (look "
                f"{made.look}). Another --seed draws others.",
                "yellow",
            )
        )
    return lines
