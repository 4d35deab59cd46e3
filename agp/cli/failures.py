"""How the program ends when something goes wrong: one screen, no traceback, the right exit code."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from agp.errors import AgpError

_LINES = 16
_WIDTH = 1200
_INTERRUPTED = 130


def guarded(program: Callable[[], object]) -> NoReturn:
    """Run a command line program and end the process with its exit code."""
    _survive_odd_characters()
    sys.excepthook = _show_traceback
    try:
        program()
        _end(0)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            _say("Stopped.")
        _end(end.code)
    except AgpError as error:
        _say(_screen(error.message), _screen(error.hint or ""))
        _end(error.exit_code)
    except KeyboardInterrupt:
        _say("Stopped.")
        _end(_INTERRUPTED)
    except BrokenPipeError:
        _end(1)
    except Exception as error:
        if os.environ.get("AGP_DEBUG") == "1":
            raise
        _say(
            _screen(f"This is a bug in agp: {type(error).__name__}: {error}"),
            "Nothing that was finished is lost. Run the same command with AGP_DEBUG=1 for the "
            "traceback, and report it.",
        )
        _end(1)


def _show_traceback(
    kind: type[BaseException], error: BaseException, tb: TracebackType | None
) -> None:
    from agp.secrets.logs import shown

    print(shown(error.with_traceback(tb)), file=sys.stderr)


def _say(message: str, hint: str = "") -> None:
    try:
        print(f"agp: {message}", file=sys.stderr)
        if hint:
            print(textwrap.indent(hint, "  "), file=sys.stderr)
    except BrokenPipeError:
        return


def _screen(text: str) -> str:
    """At most a screen of ``text``, without secrets."""
    from agp.secrets import redact

    text = redact(text)
    lines = [line[:_WIDTH] + ("…" if len(line) > _WIDTH else "") for line in text.splitlines()]
    shown = lines[:_LINES] + ([f"… ({len(lines) - _LINES} more lines)"] * (len(lines) > _LINES))
    return "\n".join(shown)


def _survive_odd_characters() -> None:
    """A terminal that cannot show a character gets a question mark, not an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _end(code: int | str | None) -> NoReturn:
    """Exit; what cannot be written any more because the reader left is dropped silently."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = code or 1
    raise SystemExit(code)
