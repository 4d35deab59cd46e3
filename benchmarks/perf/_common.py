"""What the scripts of this folder share: a place for a store, its checks, and figures."""

from __future__ import annotations

import math
import os
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, make_url, text

from agp.audit.keys import VARIABLE
from agp.rspl.entities import EntityType, Implementation, Record
from agp.rspl.upkeep import fsck
from agp.store.database import Database
from agp.store.engines import store_url

SQLITE = "sqlite"


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder; audit entries are signed with a key in it, not with the user's."""
    with tempfile.TemporaryDirectory(prefix="agp-perf-") as path:
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = str(Path(path) / "keys")
        try:
            yield Path(path)
        finally:
            os.environ.pop(VARIABLE)
            if before is not None:
                os.environ[VARIABLE] = before


@contextmanager
def place(store: str, inside: Path) -> Iterator[str]:
    """Where a new store can be made: a file in a folder, or a schema of its own on a server."""
    name = f"agp_{uuid.uuid4().hex[:12]}"
    if store == SQLITE:
        yield str(inside / f"{name}.db")
        return
    url = make_url(store_url(store))
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    try:
        there = url.update_query_dict({"options": f"-csearch_path={name}"})
        yield there.render_as_string(hide_password=False)
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
        engine.dispose()


def faults(database: Database) -> list[str]:
    """What is wrong with a store, its audit log included."""
    return [f"{each.part}: {each.where}: {each.fault}" for each in fsck.check(database)]


def prompt(name: str, system: str, description: str = "", tags: Sequence[str] = ()) -> Record:
    """A prompt as a record."""
    return Record(
        type=EntityType.PROMPT,
        name=name,
        description=description or f"The prompt {name}",
        metadata={"tags": list(tags)} if tags else {},
        implementation=Implementation(kind="import", entry="agp.rspl.kinds.prompt:Prompt"),
        params={"system": system, "template": "{{input}}", "demonstrations": []},
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that a share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def figures(seconds: Sequence[float], unit: float = 1e3) -> str:
    """Median, 95th and 99th percentile; in milliseconds by default."""
    return "".join(f"{unit * quantile(seconds, share):11.3f}" for share in (0.5, 0.95, 0.99))


def table(rows: Sequence[Sequence[Any]]) -> None:
    """Print rows of cells under a header: the first column to the left, the others to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    for row in texts:
        first, *others = (
            cell.ljust(w) if not i else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]))
