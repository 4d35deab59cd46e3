"""The host's end of the pipe to a confined call: strict frames of JSON, and the grants behind them.

Nothing that arrives here is believed: sizes are capped before reading, and only plain, finite,
bounded JSON passes.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

from agp.sandbox.interface import Grant, JsonObject, Outcome

_HEAD = struct.Struct("<I")
_DEEPEST = 100
_WIDEST = 4096
"""Bits of an integer: what JSON elsewhere can be made to hold."""

_CHUNK = 1 << 16
_MOST_QUESTIONS = 10_000
_LONGEST_ERROR = 4_000
_FRAME, _WORDS = 100, 1 << 16
"""Bytes around a value; bytes that questions and errors may have beyond the limit."""


@dataclass(frozen=True)
class Told:
    """What a confined call said of itself."""

    outcome: Outcome
    value: Any = None
    error: str = ""


class HostPipe:
    """One call's conversation.

    Parameters: ``connection`` a socket that does not block; ``limit`` bytes of the largest result
    that is taken; ``paused`` stops the clock while a grant is at work.
    """

    def __init__(
        self,
        connection: socket.socket,
        grants: Mapping[str, Grant],
        limit: int,
        paused: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connection, self._grants, self._limit = connection, grants, limit
        self._paused = paused
        self.key = secrets.token_hex(8)

    async def converse(self, work: JsonObject) -> Told | None:
        """Hand over the work, answer questions, and return the result; None when there is none.

        Raises what a grant raised beside ValueError.
        """
        tasks: dict[str, asyncio.Task[Any]] = {}
        asked = 0
        try:
            await self._send({**work, "key": self.key})
            while True:
                if "reading" not in tasks:
                    tasks["reading"] = asyncio.create_task(self._receive())
                await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
                if "answering" in tasks and tasks["answering"].done():
                    tasks.pop("answering").result()
                if not tasks["reading"].done():
                    continue
                frame = tasks.pop("reading").result()
                if frame is None or isinstance(frame, Told):
                    return frame
                if "ask" not in frame:
                    return _told(frame)
                asked += 1
                if "answering" in tasks or asked > _MOST_QUESTIONS:
                    why = f"It asked before it was answered, or more than {_MOST_QUESTIONS} times."
                    return Told("lost", error=why)
                tasks["answering"] = asyncio.create_task(self._answer(frame))
        except ConnectionError:
            return None
        finally:
            # What ended has no more to ask: a grant still at work for it stops too.
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _receive(self) -> JsonObject | Told | None:
        head = await self._read(_HEAD.size)
        if head is None:
            return None
        size = _HEAD.unpack(head)[0]
        if size > self._limit + _FRAME + _WORDS:
            return Told("output_limit", error=f"The result has more than {self._limit} bytes.")
        data = await self._read(size)
        if data is None:
            return None
        try:
            parsed = plain_json(data)
        except ValueError as error:
            return Told("error", error=f"The result is not plain JSON: {error}.")
        frame = cast("JsonObject", parsed) if isinstance(parsed, dict) else {}
        if "broken" in frame and "key" not in frame:
            why = f"It could not be confined, and did not run: {frame['broken']}"
            return Told("lost", error=why[:_LONGEST_ERROR])
        if frame.pop("key", None) != self.key:
            return Told("lost", error="The pipe to the host was used for something else.")
        if "value" in frame and size > self._limit + _FRAME:
            return Told("output_limit", error=f"The result has more than {self._limit} bytes.")
        return frame

    async def _read(self, size: int) -> bytes | None:
        loop = asyncio.get_running_loop()
        data = bytearray()
        while len(data) < size:
            part = await loop.sock_recv(self._connection, min(size - len(data), _CHUNK))
            if not part:
                return None
            data += part
        return bytes(data)

    async def _send(self, frame: JsonObject) -> None:
        await asyncio.get_running_loop().sock_sendall(self._connection, framed(frame))

    async def _answer(self, frame: JsonObject) -> None:
        name, arguments = str(frame["ask"]), frame.get("arguments")
        grant = self._grants.get(name)
        if grant is None or not isinstance(arguments, dict):
            denied = f"{name[:100]!r} was not granted to this code"
            return await self._send({"denied": denied})
        with self._paused():
            try:
                answer = {"value": await grant(cast("JsonObject", arguments))}
            except ValueError as error:
                answer = {"error": str(error)}
        return await self._send(answer)


def framed(frame: JsonObject) -> bytes:
    """A frame as it goes over the pipe. Raises ValueError or TypeError for what is no JSON."""
    data = json.dumps(frame, allow_nan=False).encode("ascii")
    return _HEAD.pack(len(data)) + data


def _told(frame: JsonObject) -> Told:
    if "value" in frame:
        return Told("ok", frame["value"])
    if "large" in frame:
        return Told("output_limit", error=f"The result is too large: {frame['large']}.")
    kind, words = str(frame.get("failed", "Error")), str(frame.get("words", ""))
    text = f"{kind}: {words}" if words else kind
    if frame.get("file"):
        text = f"{frame['file']}, line {frame.get('line')}: {text}"
    outcome: Outcome = "memory" if kind == "MemoryError" else "error"
    return Told(outcome, error=text[:_LONGEST_ERROR])


def plain_json(data: bytes) -> Any:
    """Parse JSON that is UTF-8, finite, at most 100 deep, without lone surrogates or double keys.

    Raises ValueError for anything else.
    """
    try:
        value = json.loads(data.decode(), parse_constant=_no_constant, object_pairs_hook=_object)
        _check(value)
    except RecursionError:
        raise ValueError(f"nested deeper than {_DEEPEST}") from None
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a key is there twice")
    return made


def _check(value: Any) -> None:
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        if depth > _DEEPEST:
            raise RecursionError
        if isinstance(each, str):
            each.encode()
        elif isinstance(each, float):
            if not math.isfinite(each):
                raise ValueError("a number is too large")
        elif isinstance(each, int):
            if each.bit_length() > _WIDEST:
                raise ValueError("a number is too large")
        elif isinstance(each, list):
            waiting += [(item, depth + 1) for item in cast("list[Any]", each)]
        elif isinstance(each, dict):
            parts = cast("JsonObject", each)
            waiting += [(item, depth + 1) for item in (*parts, *parts.values())]
