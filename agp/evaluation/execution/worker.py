"""The other side of the pool: a process that does one piece of work after another.

It speaks in frames on what was its standard input and output: a length of eight bytes, then
pickled work in, JSON out. What the work itself prints goes to standard error.
"""

from __future__ import annotations

import asyncio
import faulthandler
import inspect
import io
import json
import os
import pickle
import sys
from typing import IO, Any

from pydantic_core import to_jsonable_python

from agp.evaluation.execution.interface import NotSendable
from agp.evaluation.execution.reference import Reference
from agp.evaluation.failures import Failure
from agp.processes.descendants import adopt_orphans

_HEAD = 8


def main() -> None:
    """Work until there is no more to come."""
    adopt_orphans()
    receive, send = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    faulthandler.enable()  # a crash in C says where it was
    known: dict[str, Reference] = {}
    while len(head := receive.read(_HEAD)) == _HEAD:
        new, body = pickle.loads(receive.read(int.from_bytes(head, "big")))
        known |= new
        _reply(send, _carried_out(body, known, send))


def _carried_out(body: bytes, known: dict[str, Reference], send: IO[bytes]) -> dict[str, Any]:
    try:
        work = _Unpickler(body, known).load()
    except NotSendable as error:
        return {"refused": error.message, "hint": error.hint}
    except Exception as error:  # what importing a user's file raises can be anything
        return {
            "refused": f"This work cannot be made in a worker process: "
            f"{type(error).__name__}: {error}",
            "hint": "Its functions and classes must be importable.",
        }
    _reply(send, {"begun": True})
    try:
        value = work()
        if inspect.isawaitable(value):
            value = asyncio.run(_awaited(value))
        value = to_jsonable_python(value)
        json.dumps(value)
    except NotSendable as error:
        return {"refused": error.message, "hint": error.hint}
    except Exception as error:
        failure = Failure.of(error)
        return failure.model_dump(include={"kind", "message", "traceback"})
    return {"value": value}


async def _awaited(value: Any) -> Any:
    return await value


def _reply(send: IO[bytes], reply: dict[str, Any]) -> None:
    sys.stdout.flush()
    data = json.dumps(reply).encode()
    send.write(len(data).to_bytes(_HEAD, "big") + data)
    send.flush()


class _Unpickler(pickle.Unpickler):
    """Puts references back, as what they refer to is made when it is asked for."""

    def __init__(self, body: bytes, known: dict[str, Reference]) -> None:
        super().__init__(io.BytesIO(body))
        self._known = known

    def persistent_load(self, pid: str) -> Reference:
        return self._known[pid]
