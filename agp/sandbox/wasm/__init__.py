"""CPython on WebAssembly: a whole Python, confined by the machine it is compiled for.

The interpreter is one WebAssembly module on wasmtime, with its standard library inside. It sees a
clock, chance and its own streams (`wasi`): no folder, no socket, no process exists for it. A
process of its own (`zygote`) keeps one started interpreter and forks a copy for each call, which
is killed from outside when the call ends, is cancelled, or has used what it may.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from agp.errors import AgpError
from agp.processes import Limits
from agp.sandbox.interface import Call, Confined, Grant, JsonObject, Outcome, Program, Strength
from agp.sandbox.pipe import plain_json
from agp.sandbox.wasm.keeper import Keeper, Lost
from agp.sandbox.wasm.orders import FRAME, LEFT, MESSAGE, STDOUT, TRAPPED

_SLACK = 65_536
"""Bytes of a message beyond the value in it: names, words of an error."""

_AROUND = 100
"""Bytes of a message around the result in it."""

_MOST_MESSAGES = 10_000
_UNKNOWN = "The channel to the host was used for something else."


class WasmBackend:
    """Calls and programs in CPython on wasmtime."""

    name = "wasm"

    def __init__(self) -> None:
        self._keeper = Keeper()
        self._probing = threading.Lock()
        self._probed: tuple[Strength, str] | None = None

    def probe(self) -> tuple[Strength, str]:
        """Strong where the interpreter starts; compiling it takes 3 s, once on a machine."""
        with self._probing:
            if self._probed is None:
                self._probed = self._probe()
            return self._probed

    def _probe(self) -> tuple[Strength, str]:
        try:
            self._keeper.start()
        except AgpError as error:
            return Strength.NONE, str(error)
        except Exception as error:  # a package may fail in any way; then it is not there
            return Strength.NONE, f"does not start: {type(error).__name__}: {error}"
        return Strength.STRONG, f"{self._keeper.described}: no file, network or process exists"

    async def run(self, program: Program, limits: Limits) -> Confined:
        """Run a Python program; its files can be imported, and there is no folder to open."""
        if not program.entry.endswith(".py"):
            return _refused("There is no shell here, only Python.")
        if others := [name for name in program.files if not name.endswith(".py")]:
            return _refused(f"There is no folder here that could hold {others[0]}.")
        request = _request(program.files, program.entry)
        request |= {"arguments": list(program.arguments), "stdin": program.stdin}
        return await self._serve(request, limits, {}, program.packages)

    async def call(self, call: Call, limits: Limits) -> Confined:
        """Call a function or a method."""
        request = _request(call.files, call.entry)
        request |= {"arguments": call.arguments, "construct": call.construct, "method": call.method}
        return await self._serve(request, limits, call.grants, call.packages)

    async def _serve(
        self,
        request: JsonObject,
        limits: Limits,
        grants: Mapping[str, Grant],
        packages: Sequence[str],
    ) -> Confined:
        if packages:
            return _refused(f"There are no packages here: {', '.join(packages)}.")
        try:
            line = json.dumps(request, allow_nan=False)
        except (TypeError, ValueError) as error:
            return _refused(f"Arguments must be plain JSON: {error}")
        if not self._keeper.running:
            await asyncio.to_thread(self._keeper.start)
        program = request["method"] is None
        return await _Session(self._keeper, limits, grants, program=program).run(line)


def _request(files: Mapping[str, str], entry: str) -> JsonObject:
    empty: JsonObject = {"arguments": {}, "construct": None, "method": None, "stdin": ""}
    return {"files": dict(files), "entry": entry, **empty}


def _refused(words: str) -> Confined:
    return Confined(
        outcome="refused",
        error=words,
        exit_code=1,
        backend=WasmBackend.name,
        strength=Strength.STRONG,
    )


@dataclass
class _Left:
    """What is known so far of how it ended."""

    outcome: Outcome = "lost"
    value: Any = None
    error: str = "The process went away without a result."
    exit_code: int = 1


@dataclass
class _Streams:
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    messages: bytearray = field(default_factory=bytearray)


class _Full(Exception):
    """More was printed or said than is allowed."""


class _Nonsense(Exception):
    """What was said is no message."""


class _Session:
    """One copy of the interpreter, from its first message to its end."""

    def __init__(
        self, keeper: Keeper, limits: Limits, grants: Mapping[str, Grant], *, program: bool
    ) -> None:
        self.keeper, self.limits, self.grants, self.program = keeper, limits, grants, program
        self.clock = asyncio.timeout(limits.wall_s)
        self.kept = _Streams()
        self.left = _Left()
        self.heard = 0

    async def run(self, line: str) -> Confined:
        started = time.monotonic()
        try:
            number, channel = self.keeper.copy(self.limits)
        except Lost as error:
            self.left.error = str(error)
            return self._confined(started)
        writer: asyncio.StreamWriter | None = None
        try:
            async with self.clock:
                reader, writer = await asyncio.open_connection(sock=channel)
                writer.write(line.encode() + b"\n")
                await self._listen(reader, writer)
        except TimeoutError:
            if not self.clock.expired():
                raise
            words = f"Time limit of {self.limits.wall_s:g} s exceeded."
            self.left = _Left("timeout", error=words)
        except _Full:
            words = f"More than {self.limits.output_bytes} bytes were printed or returned."
            self.left = _Left("output_limit", error=words)
        except _Nonsense as error:
            self.left = _Left("error", error=str(error)[:_SLACK])
        except (ConnectionError, asyncio.IncompleteReadError):
            self._gone(time.monotonic() - started)
        finally:
            self.keeper.end(number)
            if writer is None:
                channel.close()
            else:
                writer.close()
        return self._confined(started)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the copy says that it ends."""
        while True:
            kind, length = FRAME.unpack(await reader.readexactly(FRAME.size))
            if kind == LEFT:
                return self._exited(int(await reader.readexactly(length)))
            if kind == TRAPPED:
                words = (await reader.readexactly(length)).decode("utf-8", "replace")
                self.left = _Left("error", error=f"The interpreter broke: {words}")
                return None
            if kind == MESSAGE:
                await self._said(await self._part(reader, length), writer)
            else:
                await self._printed(kind, reader, length)

    async def _part(self, reader: asyncio.StreamReader, length: int) -> bytes:
        if len(self.kept.messages) + length > self.limits.output_bytes + _SLACK:
            raise _Full
        return await reader.readexactly(length)

    async def _printed(self, kind: bytes, reader: asyncio.StreamReader, length: int) -> None:
        most = self.limits.output_bytes
        if kind == STDOUT:
            if len(self.kept.out) + length > most:
                self.kept.out += await reader.readexactly(most - len(self.kept.out))
                raise _Full
            self.kept.out += await reader.readexactly(length)
            return
        while length:
            data = await reader.read(min(length, _SLACK))
            if not data:
                raise asyncio.IncompleteReadError(data, length)
            length -= len(data)
            self.kept.err += data
            del self.kept.err[:-most]

    async def _said(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        messages = self.kept.messages
        unseen = len(messages)
        messages += data
        while (end := messages.find(b"\n", unseen)) >= 0:
            line, unseen = bytes(messages[:end]), 0
            del messages[: end + 1]
            message = self._understood(line)
            if message["op"] == "ask":
                answer = await self._answer(message)
                writer.write(json.dumps(answer, allow_nan=False).encode() + b"\n")
                await writer.drain()
            else:
                self._ended(message, len(line))

    def _understood(self, line: bytes) -> JsonObject:
        self.heard += 1
        if self.heard > _MOST_MESSAGES:
            raise _Nonsense(f"It asked or said something more than {_MOST_MESSAGES} times.")
        try:
            message: Any = plain_json(line)
        except ValueError as error:
            words = f"what is asked or returned must be plain JSON: {error}"
            raise _Nonsense(words) from None
        if not isinstance(message, dict) or "op" not in message:
            raise _Nonsense(_UNKNOWN)
        return cast("JsonObject", message)

    def _ended(self, message: JsonObject, size: int) -> None:
        match message["op"]:
            case "return":
                if size > self.limits.output_bytes + _AROUND:
                    raise _Full
                self.left = _Left("ok", value=message.get("value"), error="", exit_code=0)
            case "memory":
                self.left = _Left("memory", error=str(message.get("error"))[:_SLACK])
            case "error":
                self.left = _Left("error", error=str(message.get("error"))[:_SLACK])
            case _:
                raise _Nonsense(_UNKNOWN)

    async def _answer(self, message: JsonObject) -> JsonObject:
        name: Any = message.get("name")
        arguments: Any = message.get("arguments")
        grant = self.grants.get(name) if isinstance(name, str) else None
        if grant is None or not isinstance(arguments, dict):
            return {"denied": f"{str(name)[:100]!r} was not granted to this code"}
        given = cast("JsonObject", arguments)
        loop, end = asyncio.get_running_loop(), self.clock.when()
        asked = loop.time()
        self.clock.reschedule(None)  # the time that the host takes is not the code's
        try:
            return {"value": await grant(given)}
        except ValueError as error:
            return {"error": str(error)}
        finally:
            self.clock.reschedule(end + loop.time() - asked if end is not None else None)

    def _exited(self, code: int) -> None:
        """Ending is all that a program has to say; a call that says nothing else is lost."""
        if self.left.outcome != "lost":
            return
        if self.program:
            self.left = _Left("error" if code else "ok", error="")
        self.left.exit_code = code

    def _gone(self, seconds: float) -> None:
        if seconds >= self.limits.cpu_s:
            self.left = _Left("timeout", error=f"CPU limit of {self.limits.cpu_s} s exceeded.")

    def _confined(self, started: float) -> Confined:
        return Confined(
            outcome=self.left.outcome,
            value=self.left.value,
            error=self.left.error,
            exit_code=self.left.exit_code,
            stdout=self.kept.out.decode("utf-8", "replace"),
            stderr=self.kept.err.decode("utf-8", "replace"),
            duration_s=time.monotonic() - started,
            backend=WasmBackend.name,
            strength=Strength.STRONG,
        )
