"""The process pool: limits hold, nothing is left behind, and other work never notices."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agp.evaluation.execution import (
    NotSendable,
    ProcessPool,
    Reference,
    RemoteError,
    TimedOut,
    WorkerDied,
)
from agp.evaluation.execution.scoring import Scoring
from agp.evaluation.types import Sample
from agp.runtime.types import Task
from tests.support.hostile import Hostile, obey, slowly


def alive(pid: int) -> bool:
    """Whether a process runs (zombies do not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def written(file: Path) -> int:
    """The process id that a child wrote."""
    for _ in range(500):
        if file.exists() and (text := file.read_text()):
            return int(text)
        time.sleep(0.01)
    raise AssertionError("the child never began")


async def survives(pool: ProcessPool) -> None:
    """The pool still works."""
    assert await pool.run(partial(obey, "fine"), seconds=20) == "fine"


async def test_values_come_back_and_a_worker_is_used_again() -> None:
    async with ProcessPool(1) as pool:
        pids = [await pool.run(partial(obey, "pid")) for _ in range(3)]
        assert len(set(pids)) == 1
        assert pids[0] != os.getpid()
        assert await pool.run(partial(slowly, 0.0)) == "done"  # an awaitable is awaited there
        assert await pool.run(partial(obey, "print")) is None  # and prints are not replies
    assert not alive(pids[0])


async def test_an_endless_loop_in_c_is_killed_while_others_go_on() -> None:
    async with ProcessPool(2) as pool:
        await asyncio.gather(*(pool.run(partial(obey, "sleep 0.3")) for _ in range(2)))  # both run
        begun = time.monotonic()
        ends = await asyncio.gather(
            pool.run(partial(obey, "loop"), seconds=0.5),
            *(pool.run(partial(obey, str(n))) for n in range(10)),
            return_exceptions=True,
        )
        assert isinstance(ends[0], TimedOut)
        assert ends[1:] == [str(n) for n in range(10)]
        assert time.monotonic() - begun < 10
        await survives(pool)


async def test_descendants_end_with_the_work_that_started_them(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    async with ProcessPool(1) as pool:
        with pytest.raises(TimedOut):
            await pool.run(partial(obey, "fork 60", str(file)), seconds=3)
        assert not alive(written(file))
        file.unlink()
        await pool.run(
            partial(obey, "orphan", str(file)), seconds=20
        )  # ended in time, left a child
        assert not alive(written(file))
        await survives(pool)


@pytest.mark.parametrize(("order", "code"), [("exit", 3), ("kill", -signal.SIGKILL)])
async def test_a_worker_that_ends_is_replaced(order: str, code: int) -> None:
    async with ProcessPool(1) as pool:
        with pytest.raises(WorkerDied) as caught:
            await pool.run(partial(obey, order))
        assert caught.value.code == code
        await survives(pool)


async def test_one_killed_from_outside_is_replaced_busy_or_idle() -> None:
    async with ProcessPool(1) as pool:
        pid = await pool.run(partial(obey, "pid"))
        work = asyncio.create_task(pool.run(partial(obey, "sleep 60")))
        await asyncio.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerDied, match="signal 9"):
            await work
        pid = await pool.run(partial(obey, "pid"))
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.2)
        await survives(pool)


async def test_cancelling_kills_and_closing_ends_all() -> None:
    pool = ProcessPool(1)
    pid = await pool.run(partial(obey, "pid"))
    work = asyncio.create_task(pool.run(partial(obey, "loop")))
    await asyncio.sleep(0.2)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not alive(pid)
    pid = await pool.run(partial(obey, "pid"))
    await pool.aclose()
    assert not alive(pid)


async def test_what_work_raises_comes_back_with_the_users_lines() -> None:
    async with ProcessPool(1) as pool:
        with pytest.raises(RemoteError) as caught:
            await pool.run(partial(obey, "raise"))
    assert (caught.value.kind, caught.value.message) == ("KeyError", "'no such thing'")
    assert 'raise KeyError("no such thing")' in caught.value.traceback
    assert "agp/evaluation" not in caught.value.traceback


def _local() -> Callable[[], Any]:
    return lambda: 1


@pytest.mark.parametrize("work", [_local(), partial(obey, open(os.devnull))])  # noqa: SIM115
async def test_what_cannot_be_sent_is_refused_before_anything_starts(work: Any) -> None:
    async with ProcessPool(1) as pool:
        with pytest.raises(NotSendable, match="cannot be taken to a worker process"):
            await pool.run(work)


def test_a_local_class_has_no_reference() -> None:
    class Inside(Hostile):
        pass

    with pytest.raises(NotSendable, match="not defined at the top level of a file"):
        Reference.of(Inside())
    held = Hostile()
    held.orders = [lambda: 1]  # type: ignore[list-item]
    with pytest.raises(NotSendable, match="cannot be taken to a worker process"):
        Reference.of(held)


FILE = """
from dataclasses import dataclass

import agp


@dataclass
class Table:
    right: str


class Mine(agp.Benchmark):
    name, description = "mine", "One answer"
    cpu_bound = True

    def __init__(self):
        self.table = Table("yes")

    def load(self, request):
        return []

    async def score(self, sample, text):
        return agp.Score(value=float(text == self.table.right))
"""


async def test_a_benchmark_file_is_made_again_with_what_it_holds(tmp_path: Path) -> None:
    from agp.evaluation.catalog import find_benchmark

    file = tmp_path / "mine.py"
    file.write_text(FILE)
    reference = Reference.of(find_benchmark("mine", [tmp_path]))
    sample = Sample(id="1", task=Task(input=""), target="")
    async with ProcessPool(1) as pool:
        for text, value in (("yes", 1.0), ("no", 0.0)):
            assert (await pool.run(Scoring(reference, sample, text)))["value"] == value
        file.write_text(FILE + "\n# changed\n")
        await pool.aclose()
    async with ProcessPool(1) as pool:
        with pytest.raises(NotSendable, match="changed since the run began"):
            await pool.run(Scoring(reference, sample, "yes"))
