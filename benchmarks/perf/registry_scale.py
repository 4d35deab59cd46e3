"""What a registry costs as it grows: commit, get, retrieve, list, view and log.

    python benchmarks/perf/registry_scale.py --sizes 1000 10000
    python benchmarks/perf/registry_scale.py --sizes 1000 10000 100000
    python benchmarks/perf/registry_scale.py --sizes 1000 10000 --store postgresql://…/test

Each size is a store of its own with so many prompts of ``--versions`` versions each, loaded by
commits of thousands of changes, so that it is a store like any other. Descriptions and texts are
made of the words of retrieval/resources.jsonl and invented ones (names, products), 60,000 in all,
as often as natural words are (Zipf). Then, through the registry: a commit (`set_variables` of one
prompt: validation, search index, audit and fsync included), `get` of a live instance, and the
reading operations. Times are medians and 95th percentiles; the last columns compare sizes.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _common import SQLITE, folder, place, prompt, quantile, table

from agp.rspl.commits import Reason
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import MAIN, History
from agp.rspl.registry import Registry
from agp.store.database import Database

WORDS = 60_000
CHANGES_A_COMMIT = 2_000
SYLLABLES = [first + vowel for first in "bdfgklmnprstvz" for vowel in "aeio"]
KINDS = ("summary", "review", "extraction", "triage", "translation", "planning", "search", "test")


class Words:
    """Text of a Zipf distribution: the n-th word comes with a frequency of 1/n."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        told = (Path(__file__).parent / "retrieval" / "resources.jsonl").read_text().splitlines()
        texts = " ".join(f"{each['description']} {each['text']}" for each in map(json.loads, told))
        counted: dict[str, int] = {}
        for word in texts.lower().replace(".", " ").replace(",", " ").split():
            counted[word] = counted.get(word, 0) + 1
        real = sorted(counted, key=lambda word: -counted[word])
        self.words = dict.fromkeys(real)
        while len(self.words) < WORDS:
            self.words["".join(self.random.choices(SYLLABLES, k=self.random.randint(2, 4)))] = None
        self.words = list(self.words)
        self.weights = list(itertools.accumulate(1 / n for n in range(1, WORDS + 1)))

    def text(self, fewest: int, most: int) -> str:
        """A sentence of so many words."""
        size = self.random.randint(fewest, most)
        return " ".join(self.random.choices(self.words, cum_weights=self.weights, k=size))

    def query(self, description: str) -> str:
        """What somebody might ask who looks for what has this description."""
        words = description.split()
        return " ".join(self.random.sample(words, min(len(words), self.random.randint(2, 5))))

    def record(self, number: int, version: int, description: str) -> Record:
        """A version of a prompt."""
        name = f"{self.words[number % 997]}-{KINDS[number % 8]}-{number}"
        name = "".join(c if c.isalnum() and c.isascii() else "-" for c in name).strip("-")
        name = "p-" + "-".join(filter(None, name.split("-")))
        tags = [self.words[number % 211], KINDS[number % 8]]
        return prompt(name, f"{self.text(40, 90)}\n\nRevision {version}.", description, tags)


def build(history: History, words: Words, resources: int, versions: int) -> list[str]:
    """Load a store through commits; the descriptions of what is in it."""
    descriptions = [words.text(8, 20) for _ in range(resources)]
    head = None
    for version in range(versions):
        for start in range(0, resources, CHANGES_A_COMMIT):
            numbers = range(start, min(start + CHANGES_A_COMMIT, resources))
            records = [words.record(n, version, descriptions[n]) for n in numbers]
            reason = Reason("benchmark", "load", f"version {version}")
            changes = {record.id: record for record in records}
            commit = history.commit(MAIN, changes, reason, expected=head)
            head = commit.id if commit else head
    return descriptions


def timed(calls: int, call: Callable[[int], Any]) -> list[float]:
    """Seconds of each of so many calls; the collector does not run in between."""
    gc.collect()
    gc.disable()
    try:
        return [_seconds(call, n) for n in range(calls)]
    finally:
        gc.enable()


def _seconds(call: Callable[[int], Any], n: int) -> float:
    start = time.perf_counter()
    call(n)
    return time.perf_counter() - start


def measure(location: str, words: Words, descriptions: list[str], repeats: int) -> dict[str, Any]:
    """Seconds of each operation on a store that was just opened."""
    some = words.random.sample(range(len(descriptions)), min(repeats, len(descriptions)))
    queries = [words.query(descriptions[n]) for n in some]
    start = time.perf_counter()
    database = Database(location)
    registry = Registry(History(database))
    found: dict[str, Any] = {"open the store": [time.perf_counter() - start]}
    found["retrieve, first"] = timed(1, lambda _: registry.retrieve(queries[0]))
    found["retrieve"] = timed(len(queries), lambda n: registry.retrieve(queries[n]))
    found["list, first (a new view)"] = timed(1, lambda _: registry.list())
    found["list"] = timed(5, lambda _: registry.list())
    names = registry.list()
    rids = [names[n] for n in some]
    found["get_info, first"] = timed(len(rids), lambda n: registry.get_info(rids[n]))
    found["get, first (built)"] = timed(len(rids), lambda n: registry.get(rids[n]))
    found["get"] = timed(20 * len(rids), lambda n: registry.get(rids[n % len(rids)]))
    found["get_info"] = timed(5 * len(rids), lambda n: registry.get_info(rids[n % len(rids)]))

    def change(n: int) -> None:
        values = {"params/system": f"Commit {n}. {words.text(40, 90)}"}
        assert registry.set_variables(rids[n % len(rids)], values)

    timed(20, lambda n: change(-1 - n))  # opens connections, compiles statements
    found["commit"] = timed(repeats, change)
    found["get after a commit"] = _after_commits(registry, change, rids)
    found["view after a commit"] = timed(1, lambda _: registry.view())
    found["log, 20 newest"] = timed(20, lambda _: registry.history.log(limit=20))
    found["log of a resource"] = timed(
        20, lambda n: registry.history.log(resource=rids[n % len(rids)], limit=20)
    )
    found["versions of a resource"] = timed(20, lambda n: registry.history.versions(rids[n]))
    database.close()
    return found


def _after_commits(
    registry: Registry, change: Callable[[int], None], rids: list[ResourceId]
) -> list[float]:
    """`get` of one resource when another one has changed just before."""
    seconds: list[float] = []
    for n in range(30):
        change(10_000 + n)
        seconds += timed(1, lambda _: registry.get(rids[-1]))
    return seconds


def shown(seconds: float) -> str:
    """In a unit that can be read."""
    return f"{1e6 * seconds:.1f} µs" if seconds < 1e-3 else f"{1e3 * seconds:.2f} ms"


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000], help="resources")
    parser.add_argument("--versions", type=int, default=10, help="of each resource")
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", metavar="URL", default=SQLITE, help="a PostgreSQL server")
    given = parser.parse_args()
    measured: list[dict[str, Any]] = []
    for size in given.sizes:
        words = Words(given.seed)
        with folder() as inside, place(given.store, inside) as location:
            start = time.perf_counter()
            database = Database(location)
            descriptions = build(History(database), words, size, given.versions)
            database.close()
            took = time.perf_counter() - start
            each = 1e3 * took / (size * given.versions)
            print(
                f"{size:,} × {given.versions} versions: loaded in {took:.0f} s ({each:.2f} ms each)"
            )
            measured.append(measure(location, words, descriptions, given.repeats))
    header = ["", *(f"{size:,} {of}" for size in given.sizes for of in ("median", "p95"))]
    rows = [[*header, *(f"{size:,} is ×" for size in given.sizes[1:])]]
    for name in measured[0]:
        medians = [quantile(each[name], 0.5) for each in measured]
        cells = [shown(quantile(each[name], of)) for each in measured for of in (0.5, 0.95)]
        rows.append([name, *cells, *(f"{median / medians[0]:.2f}" for median in medians[1:])])
    table(rows)


if __name__ == "__main__":
    main()
