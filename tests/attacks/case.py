"""What an attack is, and the ways in which the host recognises that one succeeded."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from agp.processes import Limits
from agp.sandbox.interface import Confined, Grant
from tests.attacks.scene import Scene

SMALL = Limits(wall_s=4.0, cpu_s=4, memory_mb=384, output_bytes=200_000, file_mb=4, processes=8)

Judge = Callable[[Scene, Sequence[Confined]], str]
"""How the host recognises success: evidence in words, empty where the attack failed.

It is given what the host planted and what the attack's calls gave, in their order.
"""


class Naive(StrEnum):
    """Where an attack is shown to succeed."""

    PLAIN = "plain"
    """agp's own plain subprocess: limits and a clean environment, no boundary."""
    BARE = "bare"
    """A warm worker as people write it: inherited everything, JSON lines on its stdout."""
    IN_PROCESS = "in-process"
    """The function is called in the host's interpreter."""
    PICKLE = "pickle"
    """A worker whose result comes back pickled, as from a process pool."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One attack on the sandbox.

    ``name`` and ``tries`` say what it is; ``code`` defines ``attack(scene)``, which is given the
    facts of the ``baits`` it asks for; ``succeeded`` judges. ``then`` is a second call's code, made
    after the first has ended; ``files`` stand beside the code. ``kernel`` gives the code `sys_`
    calls by number. ``shown_on`` is where it is shown to succeed, None where no naive runner
    offers what it abuses; ``unless`` says on which machines even that cannot be shown.
    ``program`` tries it as a whole program too; ``script`` makes the code a shell script, in which
    ``@fact@`` stands for a fact. ``during`` happens on the host meanwhile.
    """

    name: str
    tries: str
    code: str
    succeeded: Judge
    baits: Sequence[str] = ()
    then: str = ""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    kernel: bool = False
    limits: Limits = SMALL
    shown_on: Naive | None = Naive.PLAIN
    unless: str = ""
    program: bool = True
    script: bool = False
    grants: Callable[[Scene], Mapping[str, Grant]] | None = None
    during: Callable[[Scene], Awaitable[None]] | None = None


def everything(runs: Sequence[Confined]) -> str:
    """All that came out of confined code, in whatever way."""
    parts: list[str] = []
    for run in runs:
        try:
            value = json.dumps(run.value, ensure_ascii=False, default=repr)
        except (ValueError, RecursionError):
            value = ""
        parts += [value, run.stdout, run.stderr, run.error]
    return "\n".join(parts)


def leaked(scene: Scene, runs: Sequence[Confined]) -> str:
    """The planted secret came out: it is random, and nobody told it to the code."""
    return "the planted secret came out" if scene.token in everything(runs) else ""


def holds(text: str) -> Judge:
    """``text``, which only the real thing holds, came out."""

    def judge(scene: Scene, runs: Sequence[Confined]) -> str:
        return f"it holds {text!r}" if text in everything(runs) else ""

    return judge


def says(word: str = "done") -> Judge:
    """The code says that it was done: for what the host cannot see, such as a system call."""

    def judge(scene: Scene, runs: Sequence[Confined]) -> str:
        last = runs[-1]
        told = last.value == word or f"\n{word}\n" in f"\n{last.stdout}"
        return f"it reports {word!r}" if last.outcome == "ok" and told else ""

    return judge


def answers(value: Any, outcome: str = "ok") -> Judge:
    """The call was taken to have ended well with a value that was not returned."""

    def judge(scene: Scene, runs: Sequence[Confined]) -> str:
        last = runs[-1]
        same = last.outcome == outcome and last.value == value
        return f"{value!r} was taken for the result" if same else ""

    return judge


def changed(name: str) -> Judge:
    """A file of the host (a path below the scene's folder) is there, or is another."""

    def judge(scene: Scene, runs: Sequence[Confined]) -> str:
        now = state_of(scene.folder / name)
        return f"{name} was changed" if now != scene.before.get(name, "absent") else ""

    return judge


def state_of(path: Path) -> str:
    """What the host can see of a file: kind, mode, owner, times, content."""
    return Scene.state_of(path)


def noted(fact: str) -> Judge:
    """The host's own watcher noted something while the attack ran."""

    def judge(scene: Scene, runs: Sequence[Confined]) -> str:
        return scene.seen.get(fact, "")

    return judge


def late(scene: Scene, runs: Sequence[Confined]) -> str:
    """A call came back much later than its wall-time limit."""
    slack = 2.0
    slow = [took for took in scene.took if took > scene.limits.wall_s + slack]
    return (
        f"a call of at most {scene.limits.wall_s:g} s held its caller {slow[0]:.1f} s"
        if slow
        else ""
    )


def poisoned(scene: Scene, runs: Sequence[Confined]) -> str:
    """The result is not plain JSON: numbers that are none, texts that cannot be written."""
    return _odd(runs[-1].value) if runs[-1].outcome == "ok" else ""


def _odd(value: Any, depth: int = 0) -> str:
    if depth > 200:
        return "a result nested deeper than 200 levels was taken"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} was taken for a number"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 1 << 4096:
        return "an integer of more than 4096 bits was taken"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return "a text that is not Unicode was taken"
    children: list[Any] = []
    if isinstance(value, dict):
        children = [*value, *value.values()]  # type: ignore[misc]
    elif isinstance(value, list):
        children = value
    elif value is not None and type(value) not in (bool, int, float, str):
        return f"a {type(value).__name__} was taken for plain JSON"
    return next((found for child in children if (found := _odd(child, depth + 1))), "")


def either(*judges: Judge) -> Judge:
    """Any of several signs."""

    def judge(scene: Scene, runs: Sequence[Confined]) -> str:
        return next((found for each in judges if (found := each(scene, runs))), "")

    return judge
