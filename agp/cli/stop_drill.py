"""A drill for ``agp stop``: a run of its own with calls in flight is stopped, and timed.

The run is a real one, in another process, on a store made for it: a new file, or a schema of its
own on a PostgreSQL server. Only its model is not: each call leaves a mark every few milliseconds,
for as long as it is let.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from agp.errors import AgpError, Stopped
from agp.evaluation.types import Benchmark, DataRequest, Sample, Score
from agp.models.types import Completion, ModelRequest
from agp.runtime.types import Task

CALLS = 32
EVERY_S = 0.005
_BEGIN_S = 60.0
_END_S = 30.0
_REASON = "a drill"


class Drilled(NamedTuple):
    """What a drill found; seconds count from the moment the order was given.

    ``quiet_s`` until the last side effect of a call, ``ended_s`` until the process had ended;
    ``late`` calls began after the order was in the store.
    """

    stopped: bool
    calls: int
    every_s: float
    quiet_s: float
    ended_s: float
    late: int
    message: str


def drill(location: str) -> Drilled:
    """Carry out a drill on the database of a store. Raises AgpError where it does not begin."""
    from agp.stop import order
    from agp.store.database import Database

    with tempfile.TemporaryDirectory(prefix="agp-drill-") as name, _store(location, name) as store:
        folder = Path(name)
        (folder / "marks").mkdir()
        database = Database(store)
        environment = {**os.environ, "AGP_STORE": store}
        line = [sys.executable, "-m", "agp.cli.stop_drill", str(folder)]
        with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True) as run:
            try:
                _wait_for_calls(folder, run)
                ordered = time.time()
                order(database, "drill", _REASON)
                written = time.time()
                said, _ = run.communicate(timeout=_END_S)
            finally:
                run.kill()
                database.close()
        ended = time.time()
        begun, last = zip(*_marks(folder), strict=True)
        told = json.loads(said or "{}")
        return Drilled(
            stopped=told.get("stopped", False),
            calls=CALLS,
            every_s=EVERY_S,
            quiet_s=max(0.0, max(last) - ordered),
            ended_s=ended - ordered,
            late=sum(each > written for each in begun),
            message=told.get("message", "The run ended by itself."),
        )


def _wait_for_calls(folder: Path, run: subprocess.Popen[str]) -> None:
    until = time.monotonic() + _BEGIN_S
    while len(list((folder / "marks").iterdir())) < CALLS:
        if run.poll() is not None or time.monotonic() > until:
            raise AgpError("The drill's run did not begin.", hint="See what it said above.")
        time.sleep(0.02)


def _marks(folder: Path) -> Iterator[tuple[float, float]]:
    """When each call began, and when it left its last mark."""
    for path in (folder / "marks").iterdir():
        times = [float(line) for line in path.read_text().split()]
        yield times[0], times[-1]


@contextmanager
def _store(location: str, folder: str) -> Generator[str]:
    """A store of the drill's own, on the database of another one."""
    from sqlalchemy import NullPool, create_engine, text

    from agp.store.engines import store_url

    url = store_url(location)
    if url.get_backend_name() != "postgresql":
        yield str(Path(folder) / "store.db")
        return
    schema = f"agp_drill_{uuid.uuid4().hex[:12]}"
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        there = url.update_query_dict({"options": f"-csearch_path={schema}"})
        yield there.render_as_string(hide_password=False)
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


class _Marks:
    """A model whose calls do not end by themselves, and leave marks as long as they go on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def complete(self, request: ModelRequest) -> Completion:
        with (self._folder / uuid.uuid4().hex).open("w") as marks:
            while True:
                marks.write(f"{time.time()}\n")
                marks.flush()
                await asyncio.sleep(EVERY_S)


class _Drill(Benchmark):
    """Twice as many samples as are in flight at once: half of them never begin."""

    name = "drill"
    description = "A drill for agp stop"
    agent = "solver"

    def load(self, request: DataRequest) -> list[Sample]:
        return [Sample(id=f"{n}", task=Task(input=f"{n}"), target="") for n in range(2 * CALLS)]

    async def score(self, sample: Sample, text: str) -> Score:
        return Score(value=0.0)


def main() -> None:
    """The process of the run that is stopped."""
    from agp.project import Project

    folder = Path(sys.argv[1])
    backends = {"drill": _Marks(folder / "marks")}
    told: dict[str, object] = {"stopped": False}
    with Project(folder, model="drill/marks", backends=backends) as project:
        try:
            project.bench(_Drill(), concurrency=CALLS)
        except Stopped as error:
            told = {"stopped": error.reason == _REASON, "message": error.message}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
