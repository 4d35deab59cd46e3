"""What goes back to a sample, a trace, a run or a tool, and how to take all of it back at once.

A commit's change is *influenced* by a label if

1. the commit's evidence names the label (``influences``, or the run it was made by), or
2. the work behind the commit ran on an influenced version (``used`` in its evidence: the closure
   of the agent, and the prompts that asked for proposals), or
3. it was made on top of an influenced version of the same resource, merges one, or brings one
   back (a restore, a branch, an import).

Under 1 and 2 every change of the commit is influenced, under 3 only that of the resource. A version
that an uninfluenced commit brought before is clean, wherever it comes back under 3. The rule reads
evidence, which is part of commit ids, over all branches, in the order of the commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from agp.rspl.commits import Change, Commit, read_chain, refs_at, with_changes
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.rspl.influences import influences_of, used_in
from agp.store.tables import CommitRow

_Version = tuple[str, str]
"""A resource's name and a digest of it."""


@dataclass(frozen=True)
class Influenced:
    """A commit of the branch that is influenced, why, and which of its resources."""

    commit: Commit
    why: str
    resources: tuple[ResourceId, ...]


@dataclass(frozen=True)
class Return:
    """A resource that goes back: from the digest that is live to its last uninfluenced one.

    None is absent: a resource that the influence made is taken out, one that it took out comes
    back.
    """

    resource: ResourceId
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Influence:
    """All that labels influenced on a branch, oldest first, and what undoing it changes."""

    labels: tuple[str, ...]
    branch: str
    head: str | None
    commits: list[Influenced] = field(default_factory=list[Influenced])
    returns: list[Return] = field(default_factory=list[Return])

    @property
    def lost(self) -> list[Influenced]:
        """Commits that do not name the label themselves: later work that is undone with it."""
        return [each for each in self.commits if each.why != _NAMED]


_NAMED = "its evidence names it"


def influence_of(history: History, labels: Iterable[str], branch: str) -> Influence:
    """What labels influenced on a branch. Raises NotFoundError for an unknown branch."""
    head = history.head(branch)
    wanted = frozenset(labels)
    if head is None:
        return Influence(tuple(sorted(wanted)), branch, None)
    with history.database.read() as session:
        commits = with_changes(session, session.scalars(select(CommitRow).order_by(CommitRow.seq)))
        spread = _Spread(wanted, lambda commit: refs_at(session, commit))
        for commit in commits:
            spread.follow(commit)
        chain = list(reversed(read_chain(session, head)))
    found = [spread.found[c.id] for c in chain if c.id in spread.found]
    return Influence(tuple(sorted(wanted)), branch, head, found, _returns(chain, spread.found))


def _returns(chain: list[Commit], found: Mapping[str, Influenced]) -> list[Return]:
    """Resources whose last change on the chain is influenced, with their last clean version."""
    clean: dict[ResourceId, str | None] = {}
    live: dict[ResourceId, tuple[str | None, bool]] = {}
    for commit in chain:
        touched = found[commit.id].resources if commit.id in found else ()
        for change in commit.changes:
            rid, influenced = change.resource, change.resource in touched
            clean.setdefault(rid, change.before)
            if not influenced:
                clean[rid] = change.after
            live[rid] = (change.after, influenced)
    return [
        Return(rid, after, clean[rid])
        for rid, (after, influenced) in sorted(live.items())
        if influenced and clean[rid] != after
    ]


class _Spread:
    """Follows an influence through commits that are given parents first."""

    def __init__(
        self, labels: frozenset[str], refs: Callable[[str], Mapping[ResourceId, str]]
    ) -> None:
        self._labels = labels
        self._refs = refs
        self._clean: set[_Version] = set()
        self._tainted: set[_Version] = set()
        self.found: dict[str, Influenced] = {}

    def follow(self, commit: Commit) -> None:
        """Note whether a commit is influenced, and which versions it brings."""
        if why := self._behind(commit):
            touched, whys = [change.resource for change in commit.changes], [why]
        else:
            merged = self._merged(commit)
            reasons = {c.resource: self._below(c, merged) for c in commit.changes}
            touched = [rid for rid, each in reasons.items() if each]
            whys = [reasons[rid] for rid in touched]
        for change in commit.changes:
            if change.after is not None:
                self._bring((str(change.resource), change.after), change.resource in touched)
        if touched:
            self.found[commit.id] = Influenced(commit, whys[0], tuple(touched))

    def _bring(self, version: _Version, influenced: bool) -> None:
        if influenced and version not in self._clean:
            self._tainted.add(version)
        elif not influenced:
            self._clean.add(version)

    def _behind(self, commit: Commit) -> str:
        """What makes all of a commit influenced; empty where nothing does."""
        if self._labels.intersection(influences_of(commit.evidence)):
            return _NAMED
        for name, digest in used_in(commit.evidence).items():
            if (name, digest) in self._tainted:
                return f"it was made with {name} {digest[:12]}"
        return ""

    def _merged(self, commit: Commit) -> Mapping[ResourceId, str]:
        return self._refs(commit.merged) if commit.merged and self._tainted else {}

    def _below(self, change: Change, merged: Mapping[ResourceId, str]) -> str:
        """What makes one change influenced; empty where it is clean, or takes a resource out."""
        name, before = str(change.resource), change.before or ""
        if change.after is None or (name, change.after) in self._clean:
            return ""
        if (name, change.after) in self._tainted:
            return f"it brings {name} {change.after[:12]} back"
        if (name, before) in self._tainted:
            return f"it builds on {name} {before[:12]}"
        if (name, other := merged.get(change.resource, "")) in self._tainted:
            return f"it merges {name} {other[:12]}"
        return ""
