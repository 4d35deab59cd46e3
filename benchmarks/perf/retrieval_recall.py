"""How well retrieval finds what is meant: recall@1, recall@5 and MRR on labelled queries.

The store holds the shipped resources and those of retrieval/resources.jsonl; each query of
retrieval/queries.jsonl names what it should find. The ranking was tuned on the even lines only.

    python benchmarks/perf/retrieval_recall.py
    python benchmarks/perf/retrieval_recall.py --store postgresql://postgres@localhost/test
    python benchmarks/perf/retrieval_recall.py --embeddings embedded
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agp.models.embeddings import EmbeddingModel
from agp.rspl import search
from agp.rspl.discovery import discover, library_root
from agp.rspl.entities import EntityType, Implementation, Record
from agp.rspl.history import History, Reason
from agp.store.database import Database

DATA = Path(__file__).parent / "retrieval"
DEPTH = 10
# What an agent must name; of no account here, but read when it is committed.
_BINDINGS: dict[str, Any] = {
    "prompt": "solver",
    "tools": [],
    "memory": "",
    "environment": "",
    "agents": [],
}
Find = Callable[..., list[search.Hit]]


class Remembering:
    """An embedder that embeds no text twice: both rankings ask for the same queries."""

    def __init__(self, inner: EmbeddingModel) -> None:
        self.model, self._inner = inner.model, inner
        self._known: dict[str, Any] = {}

    def embed(self, texts: Sequence[str]) -> Any:
        """As the embedder inside."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known |= dict(zip(new, self._inner.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])


def lines(name: str) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in (DATA / name).read_text().splitlines() if line.strip()]


def record(given: dict[str, Any]) -> Record:
    """A labelled resource as a record; what it runs does not matter here."""
    return Record(
        type=EntityType(given["type"]),
        name=given["name"],
        description=given["description"],
        metadata={"tags": given["tags"]},
        implementation=Implementation(kind="import", entry="agp.rspl.kinds.prompt:Prompt"),
        params={"text": given["text"], **(_BINDINGS if given["type"] == "agent" else {})},
    )


@contextmanager
def store(location: str | None) -> Iterator[Database]:
    """A store with all resources live on main; a temporary one on SQLite by default."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(location or Path(folder) / "store.db")
        history = History(database)
        if history.branches():
            raise SystemExit(f"{location} is in use: name an empty database or schema.")
        records = [*discover([library_root()]).values(), *map(record, lines("resources.jsonl"))]
        reason = Reason("benchmark", "register", "labelled resources")
        history.commit("main", {each.id: each for each in records}, reason, expected=None)
        yield database
        database.close()


def measure(find: Find, queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each query with its figures; recall is the share of what is relevant that was found."""
    measured: list[dict[str, Any]] = []
    for line, query in enumerate(queries, start=1):
        types = [EntityType(query["type"])] if query.get("type") else []
        found = [str(hit.resource) for hit in find(query["query"], types=types)]
        relevant = set(query["relevant"])
        ranks = [rank for rank, each in enumerate(found, start=1) if each in relevant]
        measured.append(
            {
                **query,
                "half": "even" if line % 2 == 0 else "odd",
                "found": found,
                "recall@1": sum(rank <= 1 for rank in ranks) / min(1, len(relevant)),
                "recall@5": sum(rank <= 5 for rank in ranks) / min(5, len(relevant)),
                "mrr": 1 / ranks[0] if ranks else 0.0,
            }
        )
    return measured


def report(title: str, measured: list[dict[str, Any]]) -> None:
    """Print the figures by style and by half."""
    print(f"\n{title}\n{'':24}{'n':>5}{'recall@1':>10}{'recall@5':>10}{'MRR':>8}")
    groups = {"all": measured}
    for key in ("half", "style"):
        for value in sorted({each[key] for each in measured}):
            groups[f"{key}: {value}"] = [each for each in measured if each[key] == value]
    for name, some in groups.items():
        mean = {
            key: statistics.fmean(s[key] for s in some) for key in ("recall@1", "recall@5", "mrr")
        }
        print(
            f"{name:24}{len(some):5}{mean['recall@1']:10.3f}{mean['recall@5']:10.3f}{mean['mrr']:8.3f}"
        )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", metavar="URL", help="an empty database to use instead of SQLite")
    parser.add_argument("--embeddings", metavar="MODEL", help="also rank by embeddings of MODEL")
    parser.add_argument("--misses", action="store_true", help="show what was missed on even lines")
    given = parser.parse_args()
    queries = lines("queries.jsonl")
    with store(given.store) as database:
        ways: dict[str, dict[str, Any]] = {"full text": {}}
        if given.embeddings:
            embedder = Remembering(EmbeddingModel(given.embeddings))
            ways["embeddings"] = {"embedder": embedder, "full_text": False}
            ways["full text and embeddings"] = {"embedder": embedder}
        for name, options in ways.items():
            find = functools.partial(search.find, database, limit=DEPTH, **options)
            find("warm up", progress=lambda done, total: print(f"embedded {done} of {total}"))
            start = time.process_time()
            measured = measure(find, queries)
            took = 1000 * (time.process_time() - start) / len(queries)
            report(f"{name} on {database.dialect} ({took:.1f} ms CPU a query here)", measured)
            if given.misses:
                show_misses(measured)


def show_misses(measured: list[dict[str, Any]]) -> None:
    """Print what was not found, of the half that the ranking may be tuned on."""
    for each in measured:
        if each["half"] == "even" and each["recall@5"] < 1:
            print(f"{each['style']}: {each['query']!r} {each['relevant']} {each['found'][:5]}")


if __name__ == "__main__":
    main()
