"""Bisection: which commit lost the points, found with as few measurements as can be.

The search runs over first parents, so what a merge brought in counts as one step. Commits that do
not touch what an agent uses cannot change its score: they share the verdict of their neighbours
and are not measured again.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, NamedTuple

from agp.errors import InputError, NotFoundError, ResourceError
from agp.in_sync import in_sync
from agp.rspl.commits import Commit
from agp.rspl.dependencies import closure
from agp.rspl.entities import ResourceId
from agp.rspl.history import History
from agp.rspl.lineage.graph import Provenance, provenance_of
from agp.rspl.view import View

Score = float | bool | None
"""What a judge says of a commit: its score, or whether it is good; None for cannot be told.

NaN and the infinities cannot be told either: nothing can be compared with them.
"""

Judge = Callable[[Commit], Score | Awaitable[Score]]


@dataclass(frozen=True)
class Judged:
    """A commit and what the judge said; ``good`` is None where it could not be told."""

    commit: Provenance
    score: Score
    good: bool | None


@dataclass(frozen=True)
class Bisection:
    """What a bisection found.

    ``suspects`` are the commits, oldest first, of which one is the first bad one: a single one
    unless the others beside it could not be judged. ``judged`` are the measurements in their
    order; ``commits`` counts those after ``good`` up to ``bad``, ``relevant`` those among them
    that changed what is judged.
    """

    suspects: tuple[Provenance, ...]
    judged: tuple[Judged, ...]
    threshold: float | None
    commits: int
    relevant: int

    @property
    def first_bad(self) -> Provenance | None:
        """The commit that turned good into bad, where it could be told."""
        return self.suspects[0] if len(self.suspects) == 1 else None


def bisect(history: History, good: str, bad: str, judge: Judge, **settings: Any) -> Bisection:
    """The first commit after ``good``, up to ``bad``, that is bad. See `abisect`."""
    return in_sync(abisect(history, good, bad, judge, **settings))


async def abisect(
    history: History,
    good: str,
    bad: str,
    judge: Judge,
    *,
    agent: ResourceId | None = None,
    threshold: float | None = None,
) -> Bisection:
    """The first commit after ``good``, up to ``bad``, that is bad.

    Parameters: ``good`` and ``bad`` commits, tags or branches; ``judge`` scores a commit, and may
    be a coroutine function; ``agent`` what is judged (default: everything that is live);
    ``threshold`` the least score that is good (default: half-way between the two ends).

    Raises InputError when ``good`` is no first parent of ``bad``, when nothing that is judged
    differs between them, when an end cannot be judged, or is not what it is said to be, and when
    ``threshold`` or what the judge gives is no number.
    """
    if threshold is not None and not math.isfinite(threshold):
        raise InputError(f"The threshold must be a number, not {threshold}.")
    commits = _between(history, good, bad)
    steps = list(_steps(history, commits, agent))
    if steps[0].key == steps[-1].key:
        raise InputError(
            f"{agent or 'What is live'} is the same at {good} and at {bad}: its score cannot have "
            "changed between them.",
            hint="Choose other commits (agp log), or another agent.",
        )
    search = _Search(judge, steps, threshold)
    await search.judge_ends(good, bad)
    suspects = await search.run()
    return Bisection(
        suspects=tuple(provenance_of(step.commit) for step in suspects),
        judged=tuple(search.judged),
        threshold=search.threshold,
        commits=len(commits) - 1,
        relevant=len(steps) - 1,
    )


class _Step(NamedTuple):
    """A commit that changed what is judged; ``key`` says what that is now, None for unusable."""

    commit: Commit
    key: str | None


def _between(history: History, good: str, bad: str) -> list[Commit]:
    """The commits from ``good`` to ``bad``, over first parents, oldest first."""
    first, last = history.find_commit(good).id, history.find_commit(bad).id
    chain = history.chain(last)[::-1]
    ids = [commit.id for commit in chain]
    if first not in ids:
        raise InputError(
            f"{good} does not lead to {bad} by first parents.",
            hint="GOOD must be the older one, on the same branch; see: agp log",
        )
    return chain[ids.index(first) :]


def _steps(history: History, commits: list[Commit], agent: ResourceId | None) -> Iterator[_Step]:
    """The first commit, and each that changed what is judged."""
    refs = dict(history.view_at(commits[0].id).refs)
    used: set[ResourceId] | None = None
    key: str | None = None
    for number, commit in enumerate(commits):
        for change in commit.changes if number else ():
            refs.pop(change.resource, None)
            if change.after is not None:
                refs[change.resource] = change.after
        if number and used is not None and used.isdisjoint(c.resource for c in commit.changes):
            continue
        before = key
        key, used = _key(View(refs, history.load), agent)
        if number == 0 or key is None or key != before:
            yield _Step(commit, key)


def _key(view: View, agent: ResourceId | None) -> tuple[str | None, set[ResourceId] | None]:
    """What is judged, as a digest, and the resources that can change it; None for unknown."""
    if agent is None:
        return view.digest, None
    try:
        return view.closure_digest(agent), set(closure(agent, view.record))
    except (NotFoundError, ResourceError):
        return None, None


class _Search:
    """The measurements so far, and the next one."""

    def __init__(self, judge: Judge, steps: list[_Step], threshold: float | None) -> None:
        self.steps = steps
        self.threshold = threshold
        self.judged: list[Judged] = []
        self._judge = judge
        self._scores: dict[str, Score] = {}

    async def judge_ends(self, good: str, bad: str) -> None:
        """Make sure that the ends are what they are said to be. Raises InputError."""
        scores: list[float] = []
        for name, step in ((good, self.steps[0]), (bad, self.steps[-1])):
            score = await self._score(step)
            if score is None:
                raise InputError(
                    f"{name} cannot be judged, so nothing can be found from it.",
                    hint="Choose a commit near it that can be run.",
                )
            scores.append(score)
        if self.threshold is None and not all(isinstance(score, bool) for score in scores):
            self.threshold = sum(scores) / 2
        if not self._good(scores[0]) or self._good(scores[1]):
            limit = "" if self.threshold is None else f", with {self.threshold:.4g} and more good"
            raise InputError(
                f"Nothing was lost from {good} to {bad}: they score {scores[0]:.4g} and "
                f"{scores[1]:.4g}{limit}.",
                hint="Exchange them, choose other commits, or set another threshold.",
            )
        self.judged = [replace(each, good=self._good(each.score)) for each in self.judged]

    async def run(self) -> list[_Step]:
        """Halve what is between the last good and the first bad until nothing can be judged."""
        low, high = 0, len(self.steps) - 1
        unknown: set[int] = set()
        while open_ := [n for n in range(low + 1, high) if n not in unknown]:
            middle = min((abs(2 * n - low - high), n) for n in open_)[1]
            good = self._good(await self._score(self.steps[middle]))
            if good is None:
                unknown.add(middle)
            elif good:
                low = middle
            else:
                high = middle
        return self.steps[low + 1 : high + 1]

    async def _score(self, step: _Step) -> Score:
        """The score of a step; measured once for all that are the same."""
        if step.key is None:
            return None
        if step.key not in self._scores:
            score = self._judge(step.commit)
            score = await score if inspect.isawaitable(score) else score
            score = _told(step.commit, score)
            self._scores[step.key] = score
            self.judged.append(Judged(provenance_of(step.commit), score, self._good(score)))
        return self._scores[step.key]

    def _good(self, score: Score) -> bool | None:
        if score is None or isinstance(score, bool):
            return score
        return None if self.threshold is None else score >= self.threshold


def _told(commit: Commit, score: object) -> Score:
    """What was judged, None where it says nothing. Raises InputError for what is no score."""
    if score is None or isinstance(score, bool):
        return score
    if not isinstance(score, Real):
        raise InputError(
            f"Commit {commit.id[:12]} was judged {score!r:.80}, which is no score.",
            hint="A judge gives a number, true or false for good or bad, or nothing.",
        )
    return float(score) if math.isfinite(score) else None
