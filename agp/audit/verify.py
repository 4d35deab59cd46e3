"""Judging a log: a pure function over rows from anywhere, in one pass, that never raises.

It holds for the rows it is given what `checks.py` completes with what only a store knows: every
body canonical to the byte, every hash, link, number and signature right, every writer vouched for,
and the log an extension of a checkpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Set
from typing import NamedTuple

from agp.audit.checkpoint import Checkpoint, parse_checkpoint
from agp.audit.entries import (
    ARCHIVE,
    COMMIT,
    Damaged,
    Entry,
    Row,
    read_covered,
    read_entry,
)
from agp.audit.keys import signed
from agp.audit.verdict import Verdict
from agp.errors import InputError


class Examined(NamedTuple):
    """What one row shows by itself: its entry, if it is one, the true hash, and its faults."""

    entry: Entry | None
    hash: str
    faults: tuple[tuple[str, str], ...]


def examine(row: Row) -> Examined:
    """Judge a row without its neighbours: a pure function of the row."""
    digest = hashlib.sha256(row.body)
    faults: list[tuple[str, str]] = []
    if digest.hexdigest() != row.hash:
        faults.append(("hash", "its content is not what its hash says: one of them was changed"))
    try:
        entry = read_entry(row.body)
    except InputError as error:
        faults.append(("form", f"it cannot be read: {error.message}"))
        return Examined(None, digest.hexdigest(), tuple(faults))
    if entry.seq != row.seq:
        faults.append(("sequence", f"it stands at {row.seq}, but says that it is {entry.seq}"))
    genuine = not row.signature if entry.seq == 0 else _signed(entry, row, digest.digest())
    if not genuine:
        faults.append(("signature", "its signature is not that of the writer it names"))
    return Examined(entry, digest.hexdigest(), tuple(faults))


def _signed(entry: Entry, row: Row, digest: bytes) -> bool:
    return signed(entry.writer, row.signature, digest)


def verify(
    rows: Iterable[Row | Damaged], *, vouched: Set[str], expect: Checkpoint | None = None
) -> Verdict:
    """Judge a log.

    Parameters: ``rows`` in their order; ``vouched`` the writers (public keys, hex) that the
    caller vouches for; ``expect`` a checkpoint that the log must extend, whose writers its signer
    vouches for. The same rows give the same verdict, wherever they come from.
    """
    walk = _Walk(expect)
    for row in rows:
        if isinstance(row, Damaged):
            walk.damaged(row)
        else:
            walk.row(row, examine(row))
    return walk.finish(vouched)


class _Walk:
    """One pass over the rows, and what has to be remembered on the way."""

    def __init__(self, expect: Checkpoint | None) -> None:
        self.verdict = Verdict()
        self.expect = expect
        self.met = False  # with the checkpoint
        self.before: str | None = None  # the hash that the next entry must name; None: unknown
        self.first_prev = ""  # what the first entry names, where it is not entry 0
        self.written: dict[str, tuple[int, int]] = {}  # writer → (first seq, number of entries)

    def damaged(self, row: Damaged) -> None:
        seq = None if self.verdict.last is None else self.verdict.last + 1
        self.verdict.find(seq, "form", f"{row.where}: {row.why}.")
        self.verdict.last, self.before = seq, None

    def row(self, row: Row, examined: Examined) -> None:
        verdict, entry = self.verdict, examined.entry
        for what, message in examined.faults:
            verdict.find(row.seq, what, f"Entry {row.seq}: {message}.")
        self._place(row, entry)
        if entry is not None:
            self._note(entry)
        verdict.entries += 1
        verdict.last, verdict.hash, self.before = row.seq, examined.hash, examined.hash
        if self.expect is not None and row.seq == self.expect.seq:
            self.met = True
            if examined.hash != self.expect.hash:
                text = f"Entry {row.seq} is not the one that the checkpoint was made of."
                verdict.find(row.seq, "checkpoint", text)

    def _place(self, row: Row, entry: Entry | None) -> None:
        """Whether the row follows the one before."""
        verdict = self.verdict
        if verdict.last is None:
            verdict.first, self.first_prev = row.seq, entry.prev if entry else ""
            return
        if row.seq != verdict.last + 1:
            text = f"Entry {row.seq} follows entry {verdict.last}: entries were dropped, doubled "
            verdict.find(row.seq, "sequence", text + "or moved.")
        if entry and self.before is not None and entry.prev != self.before:
            text = f"Entry {row.seq} was not written after the entry that stands before it."
            verdict.find(row.seq, "chain", text)

    def _note(self, entry: Entry) -> None:
        if entry.seq == 0:
            self.verdict.covered = self.verdict.covered or read_covered(entry.payload)
            return
        first, number = self.written.get(entry.writer, (entry.seq, 0))
        self.written[entry.writer] = (first, number + 1)
        if entry.kind == COMMIT:
            self.verdict.commits.append((entry.seq, str(entry.payload.get("commit"))))
        elif entry.kind == ARCHIVE:
            self._archived(entry)

    def _archived(self, entry: Entry) -> None:
        """Judge the entry that stands for entries moved away; it may be why the log begins here."""
        covered = read_covered(entry.payload)
        try:
            checkpoint = parse_checkpoint(entry.payload.get("checkpoint"))
        except InputError:
            checkpoint = None
        if covered is None or checkpoint is None or checkpoint.seq >= entry.seq:
            text = f"Entry {entry.seq} says that entries were archived, and does not prove it."
            self.verdict.find(entry.seq, "archive", text)
        elif (checkpoint.seq + 1, checkpoint.hash) == (self.verdict.first, self.first_prev):
            self.verdict.covered = covered
            self.verdict.writers |= set(checkpoint.writers)

    def finish(self, vouched: Set[str]) -> Verdict:
        verdict = self.verdict
        if not verdict.entries:
            verdict.find(None, "begin", "The log is empty: not even its first entry is there.")
        elif verdict.covered is None:
            text = (
                f"The log begins with entry {verdict.first}, and no archive entry accounts for "
                "those before it: its beginning was removed, or is in an archive file that must "
                "be named before this one."
            )
            verdict.find(verdict.first, "begin", text)
        if self.expect is not None and not self.met and verdict.entries:
            self._missed(self.expect)
        self._vouch(vouched | set(self.expect.writers if self.expect else ()))
        verdict.writers |= set(self.written)
        return verdict

    def _missed(self, expect: Checkpoint) -> None:
        verdict = self.verdict
        if verdict.first == expect.seq + 1 and self.first_prev == expect.hash:
            return  # all that the checkpoint speaks of is archived, and the log goes on from there
        if verdict.first is not None and verdict.first > expect.seq:
            text = (
                f"The checkpoint was made of entry {expect.seq}, which is not among these: the log "
                f"begins with entry {verdict.first}. Name the archive files that hold the rest."
            )
        else:
            text = (
                f"The log ends with entry {verdict.last}; the checkpoint was made of entry "
                f"{expect.seq}: the end was cut off."
            )
        verdict.find(verdict.last, "checkpoint", text)

    def _vouch(self, vouched: Set[str]) -> None:
        for writer, (first, number) in self.written.items():
            if writer not in vouched:
                others = f" and {number - 1} more" if number > 1 else ""
                text = (
                    f"Entry {first}{others}: written with the key {writer}, which nobody vouches "
                    f"for. If it is a colleague's: agp audit trust {writer}"
                )
                self.verdict.find(first, "writer", text)
