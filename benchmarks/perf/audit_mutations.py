"""Does `agp audit verify` find every change? A real log, a checkpoint of its end, and thousands of
random changes to it, each judged with the very function that the command uses.

    python benchmarks/perf/audit_mutations.py --mutations 10000 --seed 0

Changes are made to the exported rows and lines in memory; ``--sql`` more are made to the SQLite
file by SQL and judged through the store. A change that gives the identical log is drawn again.
In memory, what a row shows by itself is remembered by its content (it is a pure function of the
row), so that unchanged rows are not verified ten thousand times; nothing else is remembered.
Ends with 1 if a change was missed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.orm import Session

from agp.audit import files, keys, log, verify
from agp.audit.checkpoint import Checkpoint, sign_checkpoint
from agp.audit.checks import check_store
from agp.audit.entries import Damaged, Row
from agp.canonical import canonical_json
from agp.store.database import Database
from agp.store.tables import CommitRow, now

Rows = list[Row | Damaged]
Mutation = Callable[[random.Random, list[Row]], Rows]


def fill(database: Database, entries: int, draw: random.Random) -> None:
    """Commits and other entries, as a project makes them."""
    commits = 0
    for number in range(1, entries):
        with database.write() as session:
            if draw.random() < 0.3:
                kind = draw.choice(("alias", "tag", "approval", "rejection", "gc"))
                log.append(session, kind, "ada", {"tag": f"v{number}", "p": draw.random()})
                continue
            commits += 1
            identity = draw.randbytes(32).hex()
            row = CommitRow(
                id=identity,
                seq=commits,
                branch="main",
                author="reflection",
                operator="commit",
                message=f"Say how to count ({number})",
                evidence={"p": 0.016, "n": 24},
                created_at=now(),
            )
            session.add(row)
            about = {"commit": identity, "seq": commits, "branch": "main", "message": row.message}
            resources = [f"prompt/p{draw.randrange(40)}" for _ in range(draw.randrange(1, 6))]
            log.append(session, "commit", row.author, {**about, "resources": resources})


def restamped(row: Row, prev: str, key: keys.Key, **changes: object) -> Row:
    """The row with other content, hashed, linked and signed with ``key``."""
    content = {**json.loads(row.body), "prev": prev, "writer": key.public, **changes}
    body = canonical_json(content)
    hashed = hashlib.sha256(body)
    signature = key.private.sign(hashed.digest()).hex()
    return Row(int(content["seq"]), body, hashed.hexdigest(), signature)


def fresh_key() -> keys.Key:
    """A key that nobody vouches for."""
    private = Ed25519PrivateKey.generate()
    return keys.Key(private, private.public_key().public_bytes_raw().hex())


def other_byte(draw: random.Random, value: bytes) -> bytes:
    """``value`` with one byte changed."""
    at = draw.randrange(len(value))
    return value[:at] + bytes([(value[at] + draw.randrange(1, 256)) % 256]) + value[at + 1 :]


def other_text(draw: random.Random, value: str) -> str:
    """``value`` with one byte changed."""
    return other_byte(draw, value.encode("latin-1")).decode("latin-1")


def at_one(change: Callable[[random.Random, Row], Row], *, signed: bool = False) -> Mutation:
    """One row changed (a signed one, if it has to be)."""

    def mutation(draw: random.Random, rows: list[Row]) -> Rows:
        at = draw.randrange(1 if signed else 0, len(rows))
        return [*rows[:at], change(draw, rows[at]), *rows[at + 1 :]]

    return mutation


def byte_of_file(draw: random.Random, rows: list[Row]) -> Rows:
    """Any byte of the exported file, written and read again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        path.write_bytes(other_byte(draw, b"".join(files.export_lines(rows))))
        return list(files.read_lines(path))


def dropped_middle(draw: random.Random, rows: list[Row]) -> Rows:
    """One entry is gone."""
    at = draw.randrange(1, len(rows) - 1)
    return [*rows[:at], *rows[at + 1 :]]


def swapped(draw: random.Random, rows: list[Row]) -> Rows:
    """Two entries in each other's place."""
    a, b = draw.sample(range(len(rows)), 2)
    changed: Rows = list(rows)
    changed[a], changed[b] = changed[b], changed[a]
    return changed


def renumbered(draw: random.Random, rows: list[Row]) -> Rows:
    """An entry is gone, and those after it are counted anew."""
    at = draw.randrange(1, len(rows) - 1)
    return [*rows[:at], *(row._replace(seq=row.seq - 1) for row in rows[at + 1 :])]


def doubled(draw: random.Random, rows: list[Row]) -> Rows:
    """An entry a second time, somewhere."""
    changed: Rows = list(rows)
    changed.insert(draw.randrange(len(rows) + 1), draw.choice(rows))
    return changed


def forged(writer: Callable[[Row], str | None]) -> Mutation:
    """An entry appended with the right number and link, signed with a key that nobody knows."""

    def mutation(draw: random.Random, rows: list[Row]) -> Rows:
        last, key = rows[-1], fresh_key()
        says = {"writer": writer(last) or key.public, "actor": f"eve {draw.random()}"}
        return [*rows, restamped(last, last.hash, key, seq=last.seq + 1, **says)]

    return mutation


def borrowed_signature(draw: random.Random, rows: list[Row]) -> Rows:
    """An entry appended with the right number and link, and another entry's signature."""
    last = rows[-1]
    new = restamped(last, last.hash, fresh_key(), seq=last.seq + 1, writer=writer_of(last))
    return [*rows, new._replace(signature=draw.choice(rows[1:]).signature)]


def restamped_tail(writer: Callable[[Row], str | None]) -> Mutation:
    """From somewhere on, everything is written anew with another key."""

    def mutation(draw: random.Random, rows: list[Row]) -> Rows:
        start, key = draw.randrange(max(1, len(rows) - 30), len(rows)), fresh_key()
        changed = rows[:start]
        for row in rows[start:]:
            named = writer(row) or key.public
            changed.append(restamped(row, changed[-1].hash, key, writer=named, actor="eve"))
        return [*changed]

    return mutation


def writer_of(row: Row) -> str:
    """The writer that a row names."""
    return json.loads(row.body)["writer"]


def nobody(_row: Row) -> None:
    """The forger signs in the name of the own key."""


MUTATIONS: dict[str, Mutation] = {
    "one byte of the exported file": byte_of_file,
    "one byte of a body": at_one(lambda draw, r: r._replace(body=other_byte(draw, r.body))),
    "one byte of a hash": at_one(lambda draw, r: r._replace(hash=other_text(draw, r.hash))),
    "one byte of a signature": at_one(
        lambda draw, r: r._replace(signature=other_text(draw, r.signature)), signed=True
    ),
    "another seq": at_one(lambda draw, r: r._replace(seq=draw.randrange(1000))),
    "first entry dropped": lambda _draw, rows: [*rows[1:]],
    "entry in the middle dropped": dropped_middle,
    "entry dropped, rest renumbered": renumbered,
    "last entry dropped": lambda _draw, rows: [*rows[:-1]],
    "tail cut off": lambda draw, rows: [*rows[: draw.randrange(len(rows))]],
    "two entries swapped": swapped,
    "all entries in another order": lambda draw, rows: draw.sample(rows, len(rows)),
    "entry doubled": doubled,
    "entry forged in the writer's name": forged(writer_of),
    "entry forged with a fresh key": forged(nobody),
    "entry forged with a copied signature": borrowed_signature,
    "tail re-stamped with another key": restamped_tail(nobody),
    "tail re-stamped in the writer's name": restamped_tail(writer_of),
}


NOT_IN_A_TABLE = {
    "one byte of the exported file",
    "two entries swapped",
    "all entries in another order",
    "entry doubled",
}
"""What a table, which has no order and one row a seq, cannot show."""


def in_memory(
    rows: list[Row], expect: Checkpoint, vouched: frozenset[str], number: int, draw: random.Random
) -> Counter[tuple[str, bool]]:
    """Judge ``number`` changed logs; counts (kind of change, found)."""
    verify.examine = lru_cache(maxsize=4096)(verify.examine)
    counts: Counter[tuple[str, bool]] = Counter()
    names = list(MUTATIONS)
    for turn in range(number):
        name = names[turn % len(names)]
        changed = MUTATIONS[name](draw, rows)
        while changed == rows:
            changed = MUTATIONS[name](draw, rows)
        verdict = verify.verify(changed, vouched=vouched, expect=expect)
        counts[name, bool(verdict.findings)] += 1
    return counts


def by_sql(
    database: Database,
    expect: Checkpoint,
    vouched: frozenset[str],
    number: int,
    draw: random.Random,
) -> Counter[tuple[str, bool]]:
    """Change the SQLite file by SQL, judge the store, and take the change back, again and again."""
    counts: Counter[tuple[str, bool]] = Counter()
    with database.read() as session:
        rows = list(log.rows(session))
    names = [name for name in MUTATIONS if name not in NOT_IN_A_TABLE]
    for turn in range(number):
        name = names[turn % len(names)]
        changed = MUTATIONS[name](draw, rows)
        while changed == rows or not fits(changed):
            changed = MUTATIONS[name](draw, rows)
        with contextlib.suppress(Undone), database.write() as session:
            replace_rows(session, rows, changed)
            verdict = check_store(session, vouched=vouched, expect=expect)
            counts[f"SQL: {name}", bool(verdict.findings)] += 1
            raise Undone
    return counts


class Undone(Exception):
    """Takes a change back."""


def fits(changed: Rows) -> bool:
    """Whether a table can hold these rows: one a seq."""
    return len({row.seq for row in changed if isinstance(row, Row)}) == len(changed)


def replace_rows(session: Session, rows: list[Row], changed: Rows) -> None:
    """Make the table hold ``changed`` by deleting and inserting what differs, as bytes."""
    kept = set(rows) & set(changed)
    for row in set(rows) - kept:
        session.execute(text("DELETE FROM audit WHERE seq = :seq"), {"seq": row.seq})
    statement = "INSERT INTO audit VALUES (:seq, CAST(:body AS TEXT), :hash, :signature)"
    for row in changed:
        if isinstance(row, Row) and row not in kept:
            session.execute(text(statement), row._asdict())


def main() -> int:
    """Print a table of changes, how many of each were made, and how many were found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--sql", type=int, default=400)
    parser.add_argument("--entries", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ[keys.VARIABLE] = str(folder / "keys")
        database = Database(folder / "store.db")
        began = time.perf_counter()
        fill(database, given.entries, draw)
        print(f"{given.entries} entries written in {time.perf_counter() - began:.1f} s")
        keys.make_pair(folder / "auditor.key")
        vouched = keys.vouched_for()
        with database.read() as session:
            verdict = check_store(session, vouched=vouched)
            rows = list(log.rows(session))
        expect = sign_checkpoint(verdict, keys.load_private(folder / "auditor.key"))
        assert not verify.verify(rows, vouched=vouched, expect=expect).findings
        began = time.perf_counter()
        counts = by_sql(database, expect, vouched, given.sql, draw)
        counts += in_memory(rows, expect, vouched, given.mutations, draw)
        database.close()
    return report(counts, time.perf_counter() - began)


def report(counts: Counter[tuple[str, bool]], seconds: float) -> int:
    """Print the table; 1 if anything was missed."""
    for name in dict.fromkeys(name for name, _ in counts):
        total = counts[name, True] + counts[name, False]
        print(f"{name:48} {counts[name, True]:6} of {total:6} found")
    found = sum(number for (_, was_found), number in counts.items() if was_found)
    total = sum(counts.values())
    print(f"{'all':48} {found:6} of {total:6} found in {seconds:.0f} s")
    return int(found < total)


if __name__ == "__main__":
    sys.exit(main())
