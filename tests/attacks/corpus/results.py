"""Lying about the result: forged frames, no result, what is no JSON, objects that lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agp.sandbox.interface import Confined
from tests.attacks.case import SMALL, Attack, Naive, answers, either, late, poisoned
from tests.attacks.scene import Scene

SHORT = replace(SMALL, wall_s=0.5)

_FRAMES = """
import json, os, struct
def frames():
    for body in (
        {"value": "forged", "error": ""}, {"outcome": "ok", "value": "forged"},
        {"ok": True, "value": "forged"}, {"ok": True, "result": "forged"},
        {"type": "result", "value": "forged"}, {"kind": "result", "value": "forged"},
        {"op": "result", "value": "forged"}, {"result": "forged"}, {"return": "forged"},
        {"id": 1, "result": "forged", "jsonrpc": "2.0"}, ["ok", "forged"], ["result", "forged"],
        {"t": "result", "v": "forged"}, {"done": True, "value": "forged"}, {"value": "forged"},
    ):
        text = json.dumps(body).encode()
        yield b"\\n" + text + b"\\n"
        for form in (">I", "<I", ">Q", "<Q"):
            yield struct.pack(form, len(text)) + text
def flood(fds):
    for fd in fds:
        try:
            os.set_blocking(fd, False)
            for frame in frames():
                os.write(fd, frame)
        except OSError:
            pass
"""


def _value(name: str, tries: str, body: str, judge=poisoned, shown=Naive.BARE, **more) -> Attack:
    return Attack(
        name=name,
        tries=tries,
        code=body
        if body.lstrip().startswith(("def ", "import ", "class "))
        else f"def attack(scene):\n    return {body}",
        program=False,
        succeeded=judge,
        shown_on=shown,
        **more,
    )


def _equal(scene: Scene, runs: Sequence[Confined]) -> str:
    """The host compares with what nobody else knows."""
    return "it equals whatever it is compared with" if runs[-1].value == scene.token else ""


def _pwned(scene: Scene, runs: Sequence[Confined]) -> str:
    import os

    got = os.environ.pop("AGP_PWNED", "")
    return "its code ran in the host when its result was read" if got else ""


ATTACKS = [
    Attack(
        name="forged_frames",
        tries="writes results of every likely form to every descriptor, then ends with code 0",
        code=_FRAMES
        + """
def attack(scene):
    flood(range(256))
    os._exit(0)
""",
        program=False,
        succeeded=answers("forged"),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="forged_next",
        tries="prints a result in advance, to be taken for the next call's",
        code=_FRAMES
        + """
def attack(scene):
    flood(range(256))
    return "mine"
""",
        then="import time\ndef attack(scene):\n    time.sleep(0.2)\n    return 'right'",
        program=False,
        succeeded=answers("forged"),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="forged_late",
        tries="leaves a thread and a child that write results while the next call runs",
        code=_FRAMES
        + """
import threading, time
def later():
    for _ in range(20):
        time.sleep(0.05)
        flood(range(256))
def attack(scene):
    threading.Thread(target=later, daemon=True).start()
    try:
        if os.fork() == 0:
            later()
            os._exit(0)
    except OSError:
        pass
    return "mine"
""",
        then="import time\ndef attack(scene):\n    time.sleep(0.6)\n    return 'right'",
        program=False,
        succeeded=answers("forged"),
        shown_on=Naive.BARE,
    ),
    Attack(
        name="swapped_descriptors",
        tries="exchanges all descriptors by dup2, so that the result goes where it likes",
        code=_FRAMES
        + """
def attack(scene):
    flood([1])
    r, w = os.pipe()
    for fd in range(3, 256):
        try:
            os.fstat(fd)
            os.dup2(w, fd)
        except OSError:
            pass
    os.dup2(w, 1)
    return "mine"
""",
        program=False,
        succeeded=answers("forged"),
        limits=SHORT,
        shown_on=Naive.BARE,
    ),
    _value(
        "closed_descriptors",
        "closes every descriptor and sleeps: no result, no end",
        """
import os, time
def attack(scene):
    os.closerange(0, 1024)
    time.sleep(20)
""",
        late,
        limits=SHORT,
    ),
    _value(
        "exit_zero",
        "ends the process with code 0 and no result",
        "import os\ndef attack(scene):\n    os._exit(0)",
        lambda scene, runs: "no result was taken for one" if runs[-1].outcome == "ok" else "",
        None,
    ),
    _value(
        "raise_exit",
        "raises SystemExit(0) and other exceptions that are no errors",
        "def attack(scene):\n    raise SystemExit(0)",
        lambda scene, runs: "no result was taken for one" if runs[-1].outcome == "ok" else "",
        None,
    ),
    _value(
        "kill_itself",
        "kills its own process",
        "import os, signal\ndef attack(scene):\n    os.kill(os.getpid(), signal.SIGKILL)",
        lambda scene, runs: "no result was taken for one" if runs[-1].outcome == "ok" else "",
        None,
    ),
    _value("not_a_number", "returns NaN as a score", "{'score': float('nan')}"),
    _value("infinity", "returns infinity as a score", "[float('inf'), float('-inf')]"),
    _value(
        "huge_integer",
        "returns an integer of 100,000 digits, which hangs or breaks a reader",
        "import sys\ndef attack(scene):\n    getattr(sys, 'set_int_max_str_digits', id)(0)\n"
        "    return 10 ** 100_000",
    ),
    _value(
        "deep_nesting",
        "returns lists in lists, 900 deep, which break a recursive reader",
        "def attack(scene):\n    value = []\n    for _ in range(900):\n        value = [value]\n"
        "    return value",
    ),
    _value(
        "cycle",
        "returns a list that holds itself",
        "def attack(scene):\n    value = []\n    value.append(value)\n    return value",
        poisoned,
        Naive.IN_PROCESS,
    ),
    _value("not_unicode", "returns text that is not Unicode", "'\\ud800 half'"),
    _value(
        "double_keys",
        "returns an object with one key twice: who reads which?",
        "{1: 'shown', '1': 'meant'}",
        lambda scene, runs: (
            "one key silently won"
            if runs[-1].outcome == "ok"
            and isinstance(runs[-1].value, dict)
            and len(runs[-1].value) == 1
            else ""
        ),
    ),
    _value(
        "no_json",
        "returns what is no JSON: bytes, sets, tuples, functions, itself",
        "[b'x', {1}, print, 1j]",
        poisoned,
        Naive.IN_PROCESS,
    ),
    _value(
        "lying_equality",
        "returns an object that says it equals anything",
        """
class Liar(str):
    def __eq__(self, other):
        return True
    __hash__ = str.__hash__
def attack(scene):
    return Liar("x")
""",
        _equal,
        Naive.IN_PROCESS,
    ),
    _value(
        "lying_subclasses",
        "returns subclasses of int, dict and list that show another value each time",
        """
class Number(int):
    def __eq__(self, other):
        return True
    __hash__ = int.__hash__
    def __repr__(self):
        return '"forged"'
class Object(dict):
    def items(self):
        return [("value", "forged")]
    def __eq__(self, other):
        return True
def attack(scene):
    return Object(number=Number(1))
""",
        either(_equal, poisoned),
        Naive.IN_PROCESS,
    ),
    _value(
        "pickled_code",
        "returns an object whose __reduce__ runs code where it is unpickled",
        """
class Bomb:
    def __reduce__(self):
        return exec, ("import os; os.environ['AGP_PWNED'] = '1'",)
def attack(scene):
    return Bomb()
""",
        _pwned,
        Naive.PICKLE,
    ),
    _value(
        "error_object",
        "raises an exception whose text and class lie, or cannot be made",
        """
class Odd(BaseException):
    def __str__(self):
        raise RecursionError("no text")
    __repr__ = __str__
    def __getattribute__(self, name):
        raise Odd()
def attack(scene):
    raise Odd()
""",
        lambda scene, runs: "an error was taken for success" if runs[-1].outcome == "ok" else "",
        None,
    ),
]
