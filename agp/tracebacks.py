"""Which part of a traceback a user can do something about: the frames in code of their own."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

_FRAMES = 5
_LONGEST = 2000
_OURS = str(Path(__file__).parent)
_SHIPPED = str(Path(_OURS, "library"))
"""Benchmarks and agents that came with agp are read as a user's own are."""
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib")})


def user_frames(error: BaseException) -> str:
    """The last frames of an exception in the user's own code, else the library's that raised.

    Files, lines and their source, no values. What it gives may still hold a secret that is written
    out in the source.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(frame.filename)]
    own = own or [frame for frame in frames[-1:] if not frame.filename.startswith(_OURS)]
    return "".join(traceback.format_list(own[-_FRAMES:]))[-_LONGEST:]


def _is_own(file: str) -> bool:
    if file.startswith(_OURS):
        return file.startswith(_SHIPPED)
    return not file.startswith((*_LIBRARIES, "<frozen"))
