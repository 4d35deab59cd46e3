"""What judging a log comes to: findings, and what the log is."""

from __future__ import annotations

from dataclasses import dataclass, field

from agp.audit.entries import Covered


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a log.

    ``seq`` is the entry it was found at (None: the log as a whole); ``what`` one word for it
    (form, hash, signature, sequence, chain, begin, end, writer, checkpoint, archive, commit).
    """

    seq: int | None
    what: str
    message: str


@dataclass
class Verdict:
    """What was found, and what the log is.

    ``first`` and ``last`` are the seq of its ends, ``hash`` that of the last entry, ``writers``
    the keys that wrote it, ``commits`` (seq, commit id) of every commit entry, ``covered`` the
    commits that lie before the log, if it says so credibly.
    """

    findings: list[Finding] = field(default_factory=list[Finding])
    entries: int = 0
    first: int | None = None
    last: int | None = None
    hash: str = ""
    writers: set[str] = field(default_factory=set[str])
    commits: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    covered: Covered | None = None

    def find(self, seq: int | None, what: str, message: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(seq, what, message))
