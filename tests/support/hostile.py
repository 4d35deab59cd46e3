"""A benchmark whose scorer does what the answer says, however bad, for the process pool."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from typing import Any

from agp.evaluation.types import Benchmark, DataRequest, Sample, Score
from agp.runtime.types import Task


class Hostile(Benchmark):
    """The answer says what the scorer is to do; the target is a file it may write to."""

    name = "hostile"
    description = "Do as the answer says"
    cpu_bound = True

    def __init__(self, orders: list[str] | None = None, file: str = "") -> None:
        self.orders, self.file = orders or [], file

    def load(self, request: DataRequest) -> list[Sample]:
        return [
            Sample(id=f"hostile/{n}", task=Task(input=order), target=self.file)
            for n, order in enumerate(self.orders)
        ]

    async def score(self, sample: Sample, text: str) -> Score:
        return Score(value=1.0, answer=str(obey(text, sample.target)))


def obey(order: str, file: str = "") -> Any:
    """Do it."""
    match order.split():
        case ["loop"]:
            re.match(r"(a+)+$", "a" * 60 + "!")  # one call in C that holds the GIL for hours
        case ["fork", seconds]:  # a child that writes where it is to be found, and goes on
            subprocess.Popen(
                [sys.executable, "-c", _CHILD, file, seconds], env={}, start_new_session=True
            ).wait()
        case ["orphan"]:  # the same, left to itself
            subprocess.Popen([sys.executable, "-c", _CHILD, file, "60"], env={})
            while not os.path.exists(file):
                time.sleep(0.01)
        case ["exit"]:
            os._exit(3)
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["raise"]:
            raise KeyError("no such thing")
        case ["print"]:
            print("to standard output")
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case ["pid"]:
            return os.getpid()
        case _:
            return order
    return None


async def slowly(seconds: float) -> str:
    """Something that waits."""
    await asyncio.sleep(seconds)
    return "done"


_CHILD = """
import os, sys, time
with open(sys.argv[1], "w") as file:
    file.write(str(os.getpid()))
time.sleep(float(sys.argv[2]))
"""
