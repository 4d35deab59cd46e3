"""What confined code imports to ask its host for what it was granted."""

from __future__ import annotations

import threading
from typing import Any

_lock = threading.Lock()
exchange: Any = None


def ask(name: str, /, **arguments: Any) -> Any:
    """Ask the host for ``name`` with plain JSON, and wait for its plain JSON.

    Raises PermissionError for what was not granted, ValueError for what the host says is wrong,
    TypeError for arguments that are no plain JSON.
    """
    if exchange is None:
        raise PermissionError("there is no host to ask")
    with _lock:
        answer = exchange({"ask": name, "arguments": arguments})
    if "denied" in answer:
        raise PermissionError(answer["denied"])
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer["value"]
