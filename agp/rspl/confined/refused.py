"""What cannot be confined and so does not run before a person approves it: servers, modules."""

from __future__ import annotations

from typing import Any, NoReturn

from agp.errors import ServerError, UntrustedError
from agp.rspl.entities import Record
from agp.rspl.source import entry_of


class Refused:
    """An instance that refuses whatever is asked of it. Building and describing it is harmless."""

    def __init__(self, error: UntrustedError | ServerError) -> None:
        self._error = error

    async def __call__(self, *_: Any) -> NoReturn:
        """Raise the error."""
        raise self._error

    async def run(self, *_: Any) -> NoReturn:
        """Raise the error."""
        raise self._error


def refuse_module(record: Record) -> Refused:
    """In place of code that is a module of this machine. Raises ResourceError for no entry."""
    entry_of(record.implementation, str(record.id))
    code = record.implementation.digest
    return Refused(
        UntrustedError(
            f"{record.id}: the module {record.implementation.entry!r} was named by no person, so "
            "it is not imported.",
            hint=_hint(code),
        )
    )


def not_started(record: Record, code: str) -> ServerError:
    """The error for a server whose command line no person wrote or approved."""
    return ServerError(
        f"Server {record.name}: no person wrote or approved how it is started, so it is not "
        "started.",
        hint=_hint(code),
    )


def _hint(code: str) -> str:
    return f"Look at it and decide: agp review show {code[:12]}"
