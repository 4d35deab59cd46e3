"""Asking the person at the terminal what an agent may do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from agp.permissions import Question, Reply

_WORDS = {"y": "yes", "yes": "yes", "n": "no", "no": "no", "a": "always", "always": "always"}
_live: list[tuple[Callable[[], None], Callable[[], None]]] = []


class Terminal:
    """Asks on standard error and reads a line from standard input.

    What was typed before the question is thrown away, and it never waits in a thread: Ctrl-C ends
    the run while a question is open as at any other time.
    """

    name = "user"

    async def ask(self, question: Question) -> Reply:
        """See `agp.permissions.Asker`. The end of the input means no."""
        from agp.cli.render import note
        from agp.permissions import Reply

        with _still():
            for line, style in _lines(question):
                note(line, style)
            _forget_typed()
            while True:
                sys.stderr.write("Allow it? [y]es, [n]o, [a]lways in this run: ")
                sys.stderr.flush()
                line = await _line()
                if not line:
                    return Reply.NO
                if (word := _WORDS.get(line.strip().lower())) is not None:
                    return Reply(word)


def terminal() -> Terminal | None:
    """The person at the terminal; None where nobody sits there."""
    streams = (sys.stdin, sys.stderr)
    return Terminal() if all(map(_is_terminal, streams)) else None


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and not getattr(stream, "closed", False) and stream.isatty()


@contextmanager
def paused_by_questions(stop: Callable[[], None], start: Callable[[], None]) -> Generator[None]:
    """While a question is open, what draws on the terminal is stopped, and started afterwards."""
    _live.append((stop, start))
    try:
        yield
    finally:
        _live.pop()


@contextmanager
def _still() -> Generator[None]:
    for stop, _ in _live:
        stop()
    try:
        yield
    finally:
        for _, start in _live:
            start()


def _lines(question: Question) -> list[tuple[str, str]]:
    who = " → ".join(question.who)
    verb = "wants to call" if question.kind == "call" else "wants to commit a change of"
    lines = [("", ""), (f"{who} {verb} {question.what}", "bold yellow")]
    for name, text in question.details:
        first, *rest = text.splitlines() or [""]
        lines.append((f"  {name}: {first}", ""))
        lines += [(f"    {line}", "") for line in rest]
    return [*lines, (f"  asked because {question.reason}", "dim")]


async def _line() -> str:
    """A line of standard input, empty at its end."""
    from anyio import wait_readable

    descriptor = sys.stdin.fileno()
    await wait_readable(descriptor)
    return os.read(descriptor, 4096).decode(errors="replace")


def _forget_typed() -> None:
    with suppress(ImportError, OSError):
        import termios

        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
