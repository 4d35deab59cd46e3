"""The prompt registry of MLflow beside that of agp: the same work, one process, one machine.

    pip install mlflow          # in an environment of its own, beside autogenesis-agp
    python benchmarks/perf/mlflow_prompts.py
    python benchmarks/perf/mlflow_prompts.py --store postgresql://postgres@localhost/test

Both keep their prompts in a database of the same kind, without a server between, in turns: prompt
by prompt, first one, then the other. Each works as it does by default: both are durable when a
call returns (agp: SQLite with a write-ahead log and synchronous=FULL; MLflow: SQLite's rollback
journal, synchronous=FULL); agp also signs an audit entry and updates its search index with each
version. Loading by alias asks the database on both sides; MLflow's cache, which may be out of
date for a minute, is shown apart.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import time
from collections.abc import Callable
from typing import Any

from _common import SQLITE, folder, place, prompt, quantile, table

from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.store.database import Database

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

ALIAS = "production"
LOADS = 3


def name_of(n: int) -> str:
    """The name of the n-th prompt."""
    return f"assistant-{n}"


def text_of(n: int, version: int) -> str:
    """A version of the n-th prompt: 600 characters."""
    rules = " ".join(f"Rule {k}: treat case {k * n % 101} with care." for k in range(15))
    return f"You are assistant {n}, revision {version}. {rules} Question: {{{{input}}}}"


class Agp:
    """agp through its registry."""

    def __init__(self, location: str) -> None:
        self.registry = Registry(History(Database(location)))

    def register(self, n: int) -> None:
        assert self.registry.register(prompt(name_of(n), text_of(n, 1)))

    def update(self, n: int, version: int) -> None:
        assert self.registry.update(prompt(name_of(n), text_of(n, version)), message="next")

    def move_alias(self, n: int, version: int) -> None:
        self.registry.move_alias(f"prompt/{name_of(n)}", ALIAS, f"1.0.{version - 1}")

    def load(self, n: int) -> str:
        return self.registry.version(f"prompt/{name_of(n)}", ALIAS).params["system"]

    def load_cached(self, n: int) -> str:
        return self.load(n)

    def versions(self, n: int) -> int:
        return len(self.registry.history.versions(ResourceId.parse(f"prompt/{name_of(n)}")))

    def reasons(self, n: int) -> int:
        rid = ResourceId.parse(f"prompt/{name_of(n)}")
        return len([c.message for c in self.registry.history.log(resource=rid)])


class Mlflow:
    """MLflow as its documentation uses it."""

    def __init__(self, location: str) -> None:
        import mlflow
        import mlflow.genai

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        uri = location if "://" in location else f"sqlite:///{location}"
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        self.version = mlflow.__version__
        self.api: Any = mlflow.genai
        self.client: Any = mlflow.MlflowClient()

    def register(self, n: int) -> None:
        self.api.register_prompt(name_of(n), text_of(n, 1), commit_message="first")

    def update(self, n: int, version: int) -> None:
        self.api.register_prompt(name_of(n), text_of(n, version), commit_message="next")

    def move_alias(self, n: int, version: int) -> None:
        self.api.set_prompt_alias(name_of(n), ALIAS, version)

    def load(self, n: int) -> str:
        return self.api.load_prompt(f"prompts:/{name_of(n)}@{ALIAS}", cache_ttl_seconds=0).template

    def load_cached(self, n: int) -> str:
        return self.api.load_prompt(f"prompts:/{name_of(n)}@{ALIAS}").template

    def versions(self, n: int) -> int:
        return len(self.client.search_prompt_versions(name_of(n), max_results=100))

    def reasons(self, n: int) -> int:
        found = self.client.search_prompt_versions(name_of(n), max_results=100)
        return len([version.commit_message for version in found])


Times = dict[str, list[float]]


def timed(times: Times, name: str, call: Callable[[], Any]) -> Any:
    """Call, and note the seconds."""
    start = time.perf_counter()
    value = call()
    times.setdefault(name, []).append(time.perf_counter() - start)
    return value


def register(tool: Agp | Mlflow, times: Times, n: int, versions: int) -> None:
    """One prompt with all its versions, and its alias."""
    timed(times, "register a prompt", lambda: tool.register(n))
    for version in range(2, versions + 1):
        timed(times, "add a version", lambda version=version: tool.update(n, version))
    timed(times, "move an alias", lambda: tool.move_alias(n, versions // 2))


def read(tool: Agp | Mlflow, times: Times, n: int, versions: int) -> None:
    """Load it by its alias, and list its history."""
    for _ in range(LOADS):
        text = timed(times, "load by alias", lambda: tool.load(n))
        assert text == text_of(n, versions // 2)
    tool.load_cached(n)
    timed(times, "load by alias, cached", lambda: tool.load_cached(n))
    assert timed(times, "list the versions", lambda: tool.versions(n)) == versions
    assert timed(times, "list the history with reasons", lambda: tool.reasons(n)) == versions


def main() -> None:
    """The same work with both, in turns; print both, and how many times faster agp is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--versions", type=int, default=10)
    parser.add_argument("--store", metavar="URL", default=SQLITE, help="a PostgreSQL server")
    given = parser.parse_args()
    with (
        folder() as inside,
        place(given.store, inside) as mine,
        place(given.store, inside) as theirs,
    ):
        tools: list[Agp | Mlflow] = [Agp(mine), Mlflow(theirs)]
        register(tools[0], {}, given.prompts, 2)  # connections, migrations: not measured
        register(tools[1], {}, given.prompts, 2)
        all_times: list[Times] = [{}, {}]
        for n in range(given.prompts):
            for tool, times in zip(tools, all_times, strict=True):
                register(tool, times, n, given.versions)
        some = random.Random(1).sample(range(given.prompts), min(given.prompts, 200))
        for n in some:
            for tool, times in zip(tools, all_times, strict=True):
                read(tool, times, n, given.versions)
        print(f"{given.prompts} prompts × {given.versions} versions; MLflow {tools[1].version}")
    rows: list[list[Any]] = [["median milliseconds (p95)", "agp", "MLflow", "times faster"]]
    for name in all_times[0]:
        medians = [quantile(times[name], 0.5) for times in all_times]
        shown = [
            f"{1e3 * quantile(times[name], 0.5):.2f} ({1e3 * quantile(times[name], 0.95):.2f})"
            for times in all_times
        ]
        rows.append([name, *shown, f"{medians[1] / medians[0]:.1f}"])
    sums = [sum(map(sum, times.values())) for times in all_times]
    rows.append(["all, seconds", *(f"{each:.1f}" for each in sums), f"{sums[1] / sums[0]:.1f}"])
    table(rows)


if __name__ == "__main__":
    main()
