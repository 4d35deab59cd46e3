"""Work in the event loop: cancelled at its limit, and nobody waits long for what will not end."""

from __future__ import annotations

import asyncio
import time

import pytest

from agp.evaluation.execution import Inline, TimedOut, inline
from tests.support.hostile import slowly


async def test_values_awaitables_and_errors_pass_through() -> None:
    here = Inline()
    assert await here.run(lambda: 3) == 3
    assert await here.run(lambda: slowly(0), seconds=5) == "done"

    async def fails() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await here.run(fails, seconds=5)


async def test_what_waits_too_long_is_cancelled_and_ended() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with pytest.raises(TimedOut, match=r"no result within 0\.05 s"):
        await Inline().run(waits, seconds=0.05)
    assert ended.is_set()


async def test_what_refuses_to_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline, "GRACE_S", 0.05)
    stop = False

    async def stubborn() -> None:
        while not stop:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    begun = time.monotonic()
    with pytest.raises(TimedOut):
        await Inline().run(stubborn, seconds=0.05)
    assert time.monotonic() - begun < 5
    stop = True
    await asyncio.sleep(0.05)


async def test_cancelling_the_caller_cancels_the_work() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.create_task(Inline().run(waits, seconds=60))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
