"""Which code may run in this process: what a person wrote or approved, by its digest.

Contract: nothing is trusted before somebody who knows says so (`allow`), and everything that is
not is built as a confined instance (`agp.rspl.confined`). Who wrote code is known to the store
(`agp.rspl.origins`); here is only the answer, because it is asked for on the way of every call.
"""

from __future__ import annotations

import math
import threading
import time

from agp.errors import UntrustedError
from agp.rspl.entities import Implementation

_LOCK = threading.Lock()
_until: dict[str, float] = {}
_shipped: set[str] = set()
_epoch = 0
_next_end = math.inf
_refused = False


def code_digest(implementation: Implementation) -> str:
    """The digest of code: SHA-256 of the canonical JSON of {kind, entry, files}."""
    return implementation.digest


def allow(code: str, until: float | None = None) -> None:
    """Let code run in this process, for good or until a moment (seconds since 1970)."""
    global _next_end
    with _LOCK:
        before = _until.get(code)
        _until[code] = math.inf if until is None else until
        _next_end = min(_next_end, _until[code])
        if before is None and _refused:
            _turn()


def ship(code: str) -> None:
    """Let code run that is part of the installed agp: it is trusted as agp itself is."""
    allow(code)
    _shipped.add(code)


def is_shipped(code: str) -> bool:
    """Whether code is part of the installed agp."""
    return code in _shipped


def revoke(code: str) -> None:
    """Let code run in this process no more; what was built from it is built anew, confined."""
    with _LOCK:
        _shipped.discard(code)
        if _until.pop(code, None) is not None:
            _turn()


def is_trusted(code: str) -> bool:
    """Whether code may run in this process now."""
    global _refused
    if _until.get(code, 0.0) > time.time():
        return True
    _refused = True
    return False


def is_lasting(code: str) -> bool:
    """Whether code may run for good: a person wrote it, and did not only approve it."""
    return _until.get(code) == math.inf


def demand(code: str, where: str) -> None:
    """Raise UntrustedError where code may not run in this process.

    Parameters: ``where`` names the resource in the message.
    """
    if not is_trusted(code):
        raise UntrustedError(
            f"{where}: its code {code[:12]} was neither written nor approved by a person, so it "
            "does not run in this process.",
            hint=f"Look at it and decide: agp review show {code[:12]}",
        )


def epoch() -> int:
    """A number that changes when what was built before may have to be built another way."""
    if time.time() >= _next_end:
        _expire()
    return _epoch


def _expire() -> None:
    global _next_end
    with _LOCK:
        now = time.time()
        for code in [code for code, end in _until.items() if end <= now]:
            del _until[code]
        _next_end = min(_until.values(), default=math.inf)
        _turn()


def _turn() -> None:
    global _epoch, _refused
    _epoch += 1
    _refused = False
