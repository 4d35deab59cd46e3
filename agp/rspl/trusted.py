"""Which code may run in this process: what a person wrote or approved, by its digest.

Contract: nothing is trusted before somebody who knows says so, and everything that is not is
built as a confined instance (`agp.rspl.confined`). What a person wrote may run as any resource
(`allow`); what a person approved only as the resource that it was approved for (`settle`). Who
wrote code is known to the store (`agp.rspl.origins`); here is only the answer, because it is
asked for on the way of every call.
"""

from __future__ import annotations

import math
import threading
import time
from typing import Final

from agp.errors import UntrustedError
from agp.rspl.entities import Implementation

ANY: Final = ""
"""In place of a resource: whichever it is."""
_LOCK = threading.Lock()
_until: dict[str, dict[str, float]] = {}
"""Code → the resource, or ANY, that it may run as → until when."""
_shipped: set[str] = set()
_epoch = 0
_next_end = math.inf
_refused = False


def code_digest(implementation: Implementation) -> str:
    """The digest of code: SHA-256 of the canonical JSON of {kind, entry, files}."""
    return implementation.digest


def allow(code: str, until: float | None = None, resource: str = ANY) -> None:
    """Let code run in this process, for good or until a moment (seconds since 1970).

    Parameters: ``resource`` the only one that it may run as, ``type/name``; by default any.
    """
    with _LOCK:
        _allow(code, resource, math.inf if until is None else until)


def settle(code: str, resource: str, until: float | None) -> None:
    """Let code that no person wrote run as one resource until a moment; None for not at all.

    It may then run as another one only if that was settled too. Shipped code stays trusted.
    """
    with _LOCK:
        if code in _shipped:
            return
        _take_away(code, ANY)
        if until is None:
            _take_away(code, resource)
        else:
            _allow(code, resource, until)


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
        for resource in list(_until.get(code, ())):
            _take_away(code, resource)


def is_trusted(code: str, resource: str = ANY) -> bool:
    """Whether code may run in this process now, as a resource; by default as any."""
    global _refused
    if (granted := _until.get(code)) is not None:
        moment = time.time()
        if granted.get(ANY, 0.0) > moment or granted.get(resource, 0.0) > moment:
            return True
    _refused = True
    return False


def is_lasting(code: str) -> bool:
    """Whether code may run for good: a person wrote it, and did not only approve it."""
    return _until.get(code, {}).get(ANY) == math.inf


def demand(code: str, where: str) -> None:
    """Raise UntrustedError where code may not run in this process.

    Parameters: ``where`` the resource that it would run as, ``type/name``.
    """
    if not is_trusted(code, where):
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


def _allow(code: str, resource: str, until: float) -> None:
    global _next_end
    granted = _until.setdefault(code, {})
    new = resource not in granted
    granted[resource] = until
    _next_end = min(_next_end, until)
    if new and _refused:
        _turn()


def _take_away(code: str, resource: str) -> None:
    granted = _until.get(code)
    if granted is not None and granted.pop(resource, None) is not None:
        if not granted:
            del _until[code]
        _turn()


def _expire() -> None:
    global _next_end
    with _LOCK:
        now = time.time()
        pairs = [(code, to, end) for code, granted in _until.items() for to, end in granted.items()]
        for code, resource, end in pairs:
            if end <= now:
                _take_away(code, resource)
        _next_end = min((end for _, _, end in pairs if end > now), default=math.inf)
        _turn()


def _turn() -> None:
    global _epoch, _refused
    _epoch += 1
    _refused = False
