"""Asking a person: the question, the answers, and who may be asked."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Reply(StrEnum):
    """A person's answer. ``always`` is yes to the same thing until the end of this run."""

    YES = "yes"
    NO = "no"
    ALWAYS = "always"


@dataclass(frozen=True)
class Question:
    """What a person is asked.

    ``who`` names the agents, the one that was started first (for a change: the run's operator);
    ``what`` is a call (``workspace.write``) or a change of a resource; ``details`` its arguments,
    or the changes, as (name, text) with secrets taken out; ``rule`` and ``reason`` say why it is
    asked; ``kind`` is ``call`` or ``change``.
    """

    kind: str
    who: tuple[str, ...]
    what: str
    rule: str
    reason: str
    details: tuple[tuple[str, str], ...] = field(default=())

    def __str__(self) -> str:
        """One line without the details."""
        verb = "may call" if self.kind == "call" else "may commit"
        return f"{' → '.join(self.who)} {verb} {self.what}? ({self.reason})"


class Asker(Protocol):
    """Someone to ask. ``name`` is how the audit log calls them."""

    name: str

    async def ask(self, question: Question) -> Reply:
        """The answer. May be cancelled while it waits; whatever it raises means no."""
        ...


Ask = Callable[[Question], "bool | str | Reply | Awaitable[bool | str | Reply]"]
"""A function that is asked: True or ``"yes"``, ``"always"``, anything else is no. May be async."""


class Callback:
    """Asks a Python function."""

    name = "callback"

    def __init__(self, function: Ask) -> None:
        self._function = function

    async def ask(self, question: Question) -> Reply:
        """See `Asker`."""
        said: Any = self._function(question)
        if inspect.isawaitable(said):
            said = await said
        return read_reply(said)


def read_reply(said: object) -> Reply:
    """What an answer means; only what clearly says yes is a yes."""
    if said is True:
        return Reply.YES
    if isinstance(said, str) and said in list(Reply):
        return Reply(said)
    return Reply.NO


def asker_for(ask: Ask | Asker | None) -> Asker | None:
    """Who is asked: an asker as it is, a function by calling it."""
    if ask is None:
        return None
    if inspect.iscoroutinefunction(getattr(ask, "ask", None)):
        return ask  # pyright: ignore[reportReturnType]
    return Callback(ask)  # pyright: ignore[reportArgumentType]
