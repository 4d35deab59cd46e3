"""The gate: what a run that is stopped can still do, which is nothing."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from agp.errors import AgpError, Interrupted, Stopped
from agp.in_sync import in_sync
from agp.stop import Gate, check

STOP = Stopped("Stopped by ada.", author="ada")


async def shut_soon(gate: Gate, why: AgpError = STOP) -> None:
    """From another thread, as the watch does."""
    threading.Timer(0.02, gate.shut, [why]).start()


async def test_what_is_under_way_is_cancelled_and_the_block_says_why() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(Stopped, match="ada"):
        async with Gate() as gate:
            await shut_soon(gate)
            await asyncio.gather(work(), work())
    assert cancelled.is_set()
    await asyncio.sleep(0)  # the task itself was not cancelled for good


async def test_nothing_that_swallows_the_cancellation_can_start_anything() -> None:
    with pytest.raises(Stopped):
        async with Gate() as gate:
            await shut_soon(gate)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            check()
            raise AssertionError("the check let it pass")


async def test_a_block_that_swallowed_it_ends_as_stopped_all_the_same() -> None:
    with pytest.raises(Stopped):
        async with Gate() as gate:
            await shut_soon(gate)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)


async def test_threads_and_the_loops_in_them_see_it() -> None:
    seen: list[str] = []
    opened, shut = threading.Event(), threading.Event()

    async def nested() -> None:
        check()

    def thread() -> None:
        in_sync(nested())
        seen.append("open")
        opened.set()
        shut.wait(5)
        try:
            in_sync(nested())
        except Stopped:
            seen.append("shut")

    with pytest.raises(Stopped):
        async with Gate() as gate:
            work = asyncio.create_task(asyncio.to_thread(thread))
            await asyncio.to_thread(opened.wait, 5)
            gate.shut(STOP)
            shut.set()
            await asyncio.sleep(60)
    await work
    assert seen == ["open", "shut"]


async def test_the_first_reason_is_kept() -> None:
    with pytest.raises(Stopped):
        async with Gate() as gate:
            gate.shut(STOP)
            gate.shut(AgpError("later"))
            await asyncio.sleep(1)


async def test_an_inner_run_ends_with_the_outer_one() -> None:
    with pytest.raises(Stopped):
        async with Gate() as outer, Gate():
            outer.shut(STOP)
            check()


async def test_outside_of_a_run_nothing_is_checked() -> None:
    gate = Gate()
    gate.shut(STOP)
    check()
    with pytest.raises(Stopped):
        async with gate:
            pass
    check()


async def test_an_interrupted_run_leaves_nothing_that_can_start_anything() -> None:
    left: list[asyncio.Task[None]] = []
    outcome: list[BaseException] = []

    async def orphan() -> None:
        await asyncio.sleep(0.1)
        try:
            check()
        except Interrupted as error:
            outcome.append(error)

    async def run() -> None:
        async with Gate():
            left.append(asyncio.create_task(orphan()))
            await asyncio.sleep(60)

    task = asyncio.create_task(run())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.gather(*left)
    assert len(outcome) == 1
