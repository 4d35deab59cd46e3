"""The backends that are attacked on this machine, by name."""

from __future__ import annotations

import re

from agp.sandbox.choose import backend as chosen
from agp.sandbox.choose import probe
from agp.sandbox.interface import Backend, Strength

NAMES = ("native", "bubblewrap", "monty", "wasm")


def plain() -> Backend:
    """The plain subprocess: no boundary."""
    return chosen("plain")


def strong(name: str) -> Backend | None:
    """A backend, or None where it does not call itself strong here."""
    try:
        return chosen(name) if probe(name).strength >= Strength.STRONG else None
    except ImportError:
        return None


def probed(name: str) -> tuple[str, str]:
    """How strong it says it is here, and why, without the paths of this machine."""
    try:
        found = probe(name)
    except ImportError as error:
        return "none", str(error)
    return found.strength.name.lower(), re.sub(r"(/[^/\s,]+)+/", "", found.detail)
