"""One call on a worker: what it prints, asks and returns, and how it ended.

Nothing that comes out of the interpreter is believed: sizes are capped, and only plain JSON passes.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from agp.processes import Limits
from agp.sandbox.interface import Call, Confined, JsonObject, Outcome, Strength
from agp.sandbox.monty.worker import GUEST, Worker
from agp.sandbox.pipe import plain_json

if TYPE_CHECKING:
    from pydantic_monty import MontyError, MontySession, ResourceLimits

NAME = "monty"

Ask = Callable[[str, JsonObject], Any]
"""What is granted is asked for on this side, between two turns of the interpreter."""

_SUSPENSIONS = 10_000
_OWN = (f"{GUEST}.ask", "system.sleep")
_UNABLE = ("NotImplementedError", "ImportError", "ModuleNotFoundError", "SyntaxError")
_ABSENT = "is not supported in this environment"
_MOST_WORDS = 4_000


class Denied(Exception):
    """It was not granted."""


def too_long(limits: Limits) -> str:
    """What is said of a call that took longer than it may."""
    return f"Time limit of {limits.wall_s:g} s exceeded."


class Run:
    """One call, on whichever worker takes it."""

    def __init__(self, call: Call, limits: Limits, ask: Ask) -> None:
        self.call, self.limits, self.ask = call, limits, ask
        self.resources: ResourceLimits = {
            "max_feed_duration_secs": float(limits.wall_s),
            "max_memory": limits.memory_mb << 20,
            "max_suspensions": _SUSPENSIONS,
        }
        self.printed: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self.bytes = 0
        self.lock = threading.Lock()
        self.worker: Worker | None = None
        self.halt = threading.Event()

    def stop(self) -> None:
        """Nobody waits any more: what still runs is killed, what has not begun never begins."""
        with self.lock:
            self.halt.set()
            if self.worker is not None:
                self.worker.kill()

    def on(self, worker: Worker) -> Confined:
        """Run it there. Raises what a grant raised that was no ValueError."""
        with self.lock:
            if self.halt.is_set():
                return self._end("lost", error="cancelled before it began")
            self.worker = worker
        started = time.monotonic()
        try:
            result = self._drive(worker.session(self.resources))
        except _GrantFailed as failed:
            worker.kill()
            raise failed.error from None
        finally:
            with self.lock:
                self.worker = None
        return _timed(result, time.monotonic() - started)

    def _drive(self, session: MontySession) -> Confined:
        from pydantic_monty import (
            FunctionSnapshot,
            MontyComplete,
            MontyCrashedError,
            MontyError,
        )

        source, inputs = self._program()
        try:
            state = session.feed_start(source, inputs=inputs, print_callback=self._print)
            while not isinstance(state, MontyComplete):
                if self.bytes > self.limits.output_bytes:
                    break
                if not isinstance(state, FunctionSnapshot) or state.function_name not in _OWN:
                    state = state.resume_auto()
                elif state.function_name == "system.sleep":
                    if self.halt.wait(min(float(state.args[0]), self.limits.wall_s + 1)):
                        return self._end("timeout", error=too_long(self.limits))
                    state = state.resume({"return_value": None})
                else:
                    state = state.resume(self._answer(state.args, state.kwargs))
        except MontyCrashedError as error:
            if self.worker is not None:
                self.worker.alive = False
            if self.bytes > self.limits.output_bytes:
                return self._too_much()
            if error.timed_out:
                return self._end("timeout", error=too_long(self.limits))
            return self._end("lost", error=f"Monty went away: {error}")
        except MontyError as error:
            return self._failed(error)
        if not isinstance(state, MontyComplete) or self.bytes > self.limits.output_bytes:
            return self._too_much()
        return self._value(state.output)

    def _program(self) -> tuple[str, JsonObject]:
        """The file, and after it a line that calls and gives the value as JSON text."""
        file, _, name = self.call.entry.partition(":")
        source = self.call.files[file]
        target, wanted = name, name
        inputs: JsonObject = {"_agp_arguments": self.call.arguments}
        if self.call.construct is not None:
            inputs["_agp_construct"] = self.call.construct
            target, wanted = f"{name}(**_agp_construct).{self.call.method}", self.call.method
        coroutine = rf"^[ \t]*async[ \t]+def[ \t]+{wanted}\b"
        waits = "await " if re.search(coroutine, source, re.M) else ""
        # Cut there, where the code cannot see to it: what is too long never crosses to here.
        most = self.limits.output_bytes + 1
        called = f"_agp_json.dumps({waits}{target}(**_agp_arguments))[:{most}]"
        return f"{source}\n\nimport json as _agp_json\n{called}", inputs

    def _print(self, stream: str, text: str) -> None:
        self.bytes += len(text.encode("utf-8", "replace"))
        if self.bytes <= self.limits.output_bytes:
            self.printed[stream].append(text)
        elif self.worker is not None:
            self.worker.kill()

    def _answer(self, args: tuple[Any, ...], arguments: JsonObject) -> Any:
        try:
            if len(args) != 1 or not isinstance(args[0], str):
                raise ValueError("ask takes one name and keyword arguments")
            plain = _plain(arguments, self.limits.output_bytes)
            return {"return_value": self.ask(args[0], plain)}
        except Denied as error:
            return {"exception": PermissionError(str(error))}
        except ValueError as error:
            return {"exception": ValueError(str(error))}
        except BaseException as error:
            raise _GrantFailed(error) from error

    def _value(self, text: object) -> Confined:
        if not isinstance(text, str):
            return self._end("error", error="what is returned must be plain JSON")
        if len(text) > self.limits.output_bytes:
            return self._too_much()
        try:
            value = plain_json(text.encode("utf-8", "surrogatepass"))
        except ValueError as error:
            return self._end("error", error=f"what is returned must be plain JSON: {error}")
        return self._end("ok", value=value)

    def _failed(self, error: MontyError) -> Confined:
        """What the code raised, or what Monty has no way to run."""
        inner = error.exception()
        kind, words = type(inner).__name__, str(error)
        if self.bytes > self.limits.output_bytes:
            return self._too_much()
        if kind == "MemoryError":
            limit = f"Memory limit of {self.limits.memory_mb} MiB exceeded."
            return self._end("memory", error=limit)
        if kind == "TimeoutError" and "time limit exceeded" in words:
            return self._end("timeout", error=too_long(self.limits))
        lines = list(_lines(error))
        loading = not lines or lines[0] <= self._length
        place = [line for line in lines if line <= self._length]
        words = words[:_MOST_WORDS]
        if place:
            words = f"{self._file}, line {place[-1]}: {words}"
        if loading or kind in _UNABLE or _ABSENT in words:
            return self._end("refused", error=f"Monty cannot run this: {words}")
        return self._end("error", error=words)

    @property
    def _length(self) -> int:
        """Lines of the file itself."""
        return self.call.files[self._file].count("\n") + 1

    @property
    def _file(self) -> str:
        return self.call.entry.partition(":")[0]

    def _too_much(self) -> Confined:
        words = f"More than {self.limits.output_bytes} bytes were printed or returned."
        return self._end("output_limit", error=words)

    def _end(self, outcome: Outcome, *, value: Any = None, error: str = "") -> Confined:
        return Confined(
            outcome=outcome,
            value=value,
            error=error,
            stdout="".join(self.printed["stdout"]),
            stderr="".join(self.printed["stderr"]),
            exit_code=0 if outcome == "ok" else 1,
            backend=NAME,
            strength=Strength.STRONG,
        )


class _GrantFailed(Exception):
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _plain(arguments: JsonObject, most: int) -> JsonObject:
    """The arguments as plain JSON of at most so many bytes. Raises ValueError for anything else."""
    try:
        if _longer(arguments, most):
            raise ValueError(f"the arguments have more than {most} bytes")
        data = json.dumps(arguments, allow_nan=False).encode()
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if len(data) > most:
        raise ValueError(f"the arguments have more than {most} bytes")
    return plain_json(data)


def _longer(value: Any, most: int) -> bool:
    """Whether a value surely has more bytes as JSON, found without writing it.

    A few lists that hold each other many times are small in memory, and endless when written.
    """
    size, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        size += 1
        if isinstance(each, str):
            size += len(each)
        elif isinstance(each, int):
            size += each.bit_length() // 4
        elif isinstance(each, (list, tuple)):
            parts = cast("Sequence[Any]", each)
            if size + len(waiting) + len(parts) > most:
                return True
            waiting += parts
        elif isinstance(each, dict):
            pairs = cast("JsonObject", each)
            if size + len(waiting) + 2 * len(pairs) > most:
                return True
            waiting += [*pairs, *pairs.values()]
        if size > most:
            return True
    return False


def _timed(result: Confined, seconds: float) -> Confined:
    return replace(result, duration_s=seconds)


def _lines(error: MontyError) -> Iterator[int]:
    """The line of each frame, the outermost first; none where the file did not even parse."""
    frames = getattr(error, "traceback", None)
    for frame in frames() if frames is not None else ():
        yield frame.line
