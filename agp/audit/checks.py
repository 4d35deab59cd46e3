"""Judging the log of a store, with what only the store knows: which commits there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import chain
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from agp.audit import log
from agp.audit.checkpoint import Checkpoint
from agp.audit.entries import Damaged, Row, cover
from agp.audit.files import read_lines
from agp.audit.verdict import Verdict
from agp.audit.verify import verify
from agp.store.tables import CommitRow

T = TypeVar("T")
Watch = Callable[[Iterable[T]], Iterable[T]]
"""Something that iterates over what it is given and shows how far it is."""


def check_store(
    session: Session,
    *,
    vouched: Set[str],
    expect: Checkpoint | None = None,
    archives: Sequence[Path] = (),
    watch: Watch[Row | Damaged] = iter,
) -> Verdict:
    """Judge the log of a store, and that it and the commits speak of each other, one for one.

    ``archives`` are the files of entries moved away before, oldest first: with all of them the
    whole chain is judged, from the very beginning. Raises InputError for a file that is not there.
    """
    rows = chain(_lines(archives), log.rows(session))
    verdict = verify(watch(rows), vouched=vouched, expect=expect)
    compare_commits(verdict, commit_ids(session))
    return verdict


def check_files(
    files: Sequence[Path],
    *,
    vouched: Set[str],
    expect: Checkpoint | None = None,
    watch: Watch[Row | Damaged] = iter,
) -> Verdict:
    """Judge exported or archived files, oldest first, as one log; no store is needed.

    Whether the commits of a store fit is not judged. Raises InputError for a missing file.
    """
    return verify(watch(_lines(files)), vouched=vouched, expect=expect)


def commit_ids(session: Session) -> list[str]:
    """The ids of all commits of a store, oldest first."""
    return list(session.scalars(select(CommitRow.id).order_by(CommitRow.seq)))


def compare_commits(verdict: Verdict, ids: Sequence[str]) -> None:
    """Add what does not fit between a log and the commits (oldest first) that it should record."""
    if verdict.covered is None:
        return  # the beginning is a finding already; what lies before it is not known
    before = verdict.covered.commits
    if cover(ids[:before]) != verdict.covered:
        text = f"The first {before} commits are not those that were there when the log began."
        verdict.find(verdict.first, "commit", text)
    there, told = Counter(ids[before:]), Counter(commit for _, commit in verdict.commits)
    seqs = {commit: seq for seq, commit in verdict.commits}
    for commit in there - told:
        verdict.find(None, "commit", f"Commit {commit} has no entry: the log was cut, or bypassed.")
    for commit in told - there:
        seq = seqs[commit]
        text = f"Entry {seq} is about commit {commit}, which is not there, or has another entry."
        verdict.find(seq, "commit", text)
    if there == told and list(ids[before:]) != [commit for _, commit in verdict.commits]:
        verdict.find(None, "commit", "The commits are not in the order in which they were logged.")


def _lines(files: Sequence[Path]) -> Iterator[Row | Damaged]:
    readers = [read_lines(path) for path in files]  # a missing one is reported before any work
    return chain.from_iterable(readers)
