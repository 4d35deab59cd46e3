"""Abusing what was granted: names not given, floods, odd arguments, answers after the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agp.sandbox.interface import Grant
from tests.attacks.case import SMALL, Attack, answers, either, late, noted
from tests.attacks.scene import Scene

SHORT = replace(SMALL, wall_s=1.0)


def _one(scene: Scene) -> Mapping[str, Grant]:
    async def allowed(given: dict[str, Any]) -> Any:
        if _odd(given):
            scene.seen["odd"] = f"the host's grant was given {given!r:.60}"
        return {"got": sorted(given)[:5]}

    return {"allowed": allowed}


def _odd(given: Any) -> bool:
    """Whether it is anything but plain JSON of a sensible size."""
    try:
        text = json.dumps(given, allow_nan=False)
        text.encode()
    except (TypeError, ValueError):
        return True
    return type(given) is not dict or len(text) > 1 << 20


def _slow(scene: Scene) -> Mapping[str, Grant]:
    async def allowed(given: dict[str, Any]) -> Any:
        await asyncio.sleep(0.5)
        scene.seen["afterwards"] = "the host's grant did its work after the call had ended"
        return None

    return {"allowed": allowed}


def _counting(scene: Scene) -> Mapping[str, Grant]:
    scene.seen.pop("flood", None)
    running = 0

    async def allowed(given: dict[str, Any]) -> Any:
        nonlocal running
        running += 1
        if running > 64:
            scene.seen["flood"] = "more than 64 questions were open at the host at once"
        await asyncio.sleep(0.2)
        running -= 1
        return None

    return {"allowed": allowed}


_WAYS = """
            import agp_guest, json, os
            def ways():
                # What the native guest asks through, and the channel of the one on WebAssembly.
                exchange = getattr(agp_guest, "exchange", None)
                if exchange is None:
                    line = lambda frame: (json.dumps(frame) + "\\n").encode()
                    yield lambda frame, read=True: os.write(0, line(frame))
                    return
                cells = [cell.cell_contents for cell in exchange.__closure__ or ()]
                pipe = next(each for each in cells if hasattr(each, "send"))
                key = next((each for each in cells if isinstance(each, str)), "")
                def way(frame, read=True):
                    pipe.send({"key": key, **frame}, 1 << 20)
                    return pipe.receive() if read else None
                yield way
"""


def _asks(name: str, tries: str, code: str, grants, judge, **more: Any) -> Attack:
    return Attack(
        name=name,
        tries=tries,
        code=code,
        grants=grants,
        program=False,
        succeeded=judge,
        shown_on=None,
        **more,
    )


ATTACKS = [
    _asks(
        "grant_not_given",
        "asks for grants that were not given, under every odd name",
        """
            import agp_guest
            def attack(scene):
                for name in (
                             "forbidden", "__class__", "__init__", "keys", "get", "allowed ",
                             "Allowed", "../allowed", "allowed\\0x", "", "*", None, 1, ["allowed"]):
                    try:
                        agp_guest.ask(name, x=1)
                        return "forged"
                    except BaseException:
                        pass
            """,
        _one,
        answers("forged"),
    ),
    _asks(
        "grant_odd_arguments",
        "asks with NaN, halves of characters, sets, functions",
        """
            import agp_guest
            def attack(scene):
                for value in (float("nan"), "\\ud800", {1, 2}, b"x", print, {1: 2}):
                    try:
                        agp_guest.ask("allowed", value=value)
                    except BaseException:
                        pass
                return "asked"
            """,
        _one,
        noted("odd"),
    ),
    _asks(
        "grant_huge_arguments",
        "asks with 50 MB",
        """
            import agp_guest
            def attack(scene):
                agp_guest.ask("allowed", value="x" * 50_000_000)
            """,
        _one,
        noted("odd"),
    ),
    _asks(
        "grant_flood",
        "asks from many threads at once",
        """
            import agp_guest, threading
            def ask():
                for _ in range(20):
                    try:
                        agp_guest.ask("allowed")
                    except BaseException:
                        pass
            def attack(scene):
                threads = []
                for _ in range(120):
                    t = threading.Thread(target=ask, daemon=True)
                    t.start()
                    threads.append(t)
                for t in threads:
                    t.join()
            """,
        _counting,
        either(noted("flood"), late),
        limits=SHORT,
    ),
    _asks(
        "grant_afterwards",
        "leaves a question open and ends, so that the host works on for it",
        """
            import agp_guest, threading, time
            def attack(scene):
                threading.Thread(target=agp_guest.ask, args=("allowed",), daemon=True).start()
                time.sleep(0.15)
                return "ended"
            """,
        _slow,
        noted("afterwards"),
    ),
    _asks(
        "grant_odd_frames",
        "speaks to the host past the guest's side: frames of every odd form",
        f"""
{_WAYS}
            def attack(scene):
                many = {{"ask": "x" * 100_000, "arguments": {{}}}}
                for frame in (
                    {{"ask": ["allowed"], "arguments": {{}}}}, {{"ask": {{"a": 1}}}}, many,
                    {{"ask": None}},
                    {{"ask": "allowed", "arguments": 5}}, {{"ask": "allowed", "arguments": None}},
                    {{"value": 1, "ask": 2}}, {{"op": []}},
                    {{"op": "ask", "name": 1, "arguments": 2}},
                    {{"failed": {{"a": []}}, "words": {{"b": 1}}, "file": [1], "line": {{}}}},
                ):
                    for way in ways():
                        try:
                            way(frame)
                        except (OSError, EOFError, KeyError, TypeError, ValueError):
                            pass
                return "asked"
            """,
        _one,
        either(noted("odd"), late),
        limits=SHORT,
    ),
    _asks(
        "grant_unread",
        "asks and asks and never reads an answer, until the host's own pipe is full",
        f"""
{_WAYS}
            def attack(scene):
                while True:
                    for way in ways():
                        way({{"ask": "allowed", "arguments": {{"x": "y" * 1000}}}}, read=False)
            """,
        _one,
        late,
        limits=SHORT,
    ),
    _asks(
        "grant_internals",
        "takes the guest's side apart to get at the host's pipe or at modules of agp",
        """
            import agp_guest, gc, sys
            def attack(scene):
                for thing in gc.get_objects():
                    name = getattr(type(thing), "__module__", "")
                    if isinstance(name, str) and name.startswith(("agp.", "sqlalchemy", "litellm")):
                        return "forged"
                for name in list(sys.modules):
                    if name.startswith(("agp.store", "agp.sandbox", "agp.project", "sqlalchemy")):
                        return "forged"
                return "clean"
            """,
        _one,
        answers("forged"),
    ),
    _asks(
        "agp_itself",
        "imports agp, to open the store and change what is live",
        """
            def attack(scene):
                from agp.project import Project
                Project(scene["folder"])
                return "forged"
            """,
        _one,
        answers("forged"),
        baits=["files"],
    ),
]
