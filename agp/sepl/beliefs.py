"""Beliefs: what every candidate of a search is worth, from all that was seen of all of them.

A candidate is its parent, changed a little: v(child) = v(parent) + N(drift, step²). A score is
v(candidate) + ease(sample) + noise. Both are Gaussian, so what is believed after any scores is one
linear system. Evidence travels along the lineage: a child that does well speaks for its parent, a
parent that fails on fresh samples speaks against its children; so a search may go on from the
candidate it believes in most after a few samples, and goes back by itself where it was mistaken.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_FIRST = (0.5, 0.3)
"""Mean and standard deviation of what is believed of the first candidate before it is run."""


@dataclass
class Beliefs:
    """Parameters: ``drift`` the mean change of value that a proposal brings, ``step`` its standard
    deviation, ``ease`` that of samples, all in units of the score. The noise of a score is
    estimated from the differences of candidates and parents on the same samples.
    """

    drift: float = -0.01
    step: float = 0.06
    ease: float = 0.1
    _candidates: dict[str, int] = field(default_factory=dict[str, int])
    _parents: list[int | None] = field(default_factory=list[int | None])
    _samples: dict[str, int] = field(default_factory=dict[str, int])
    _means: dict[str, float] | None = None
    _scores: dict[tuple[int, int], list[float]] = field(
        default_factory=dict[tuple[int, int], list[float]]
    )

    def add(self, candidate: str, parent: str | None = None) -> None:
        """A new candidate, made from another one; the first has no parent."""
        self._means = None
        self._parents.append(None if parent is None else self._candidates[parent])
        self._candidates[candidate] = len(self._candidates)

    def see(self, candidate: str, sample: str, score: float) -> None:
        """A score in [0, 1]; another one of the same pair is another piece of evidence."""
        self._means = None
        place = self._samples.setdefault(sample, len(self._samples))
        self._scores.setdefault((self._candidates[candidate], place), []).append(score)

    def means(self) -> dict[str, float]:
        """What each candidate is believed to be worth: the posterior means."""
        if self._means is None:
            self._means = self._posterior()
        return self._means

    def _posterior(self) -> dict[str, float]:
        import numpy as np

        count = len(self._candidates)
        size = count + len(self._samples)
        precision = np.zeros((size, size))
        right = np.zeros(size)
        for child, parent in enumerate(self._parents):
            if parent is None:
                precision[child, child] += 1 / _FIRST[1] ** 2
                right[child] += _FIRST[0] / _FIRST[1] ** 2
                continue
            weight = 1 / self.step**2
            precision[[child, parent], [child, parent]] += weight
            precision[[child, parent], [parent, child]] -= weight
            right[child] += self.drift * weight
            right[parent] -= self.drift * weight
        places = np.arange(count, size)
        precision[places, places] += 1 / self.ease**2
        weight = 1 / self.noise()
        pairs = np.array(list(self._scores), dtype=int).reshape(-1, 2)
        i, j = pairs[:, 0], pairs[:, 1] + count
        often = np.array([len(scores) for scores in self._scores.values()]) * weight
        total = np.array([sum(scores) for scores in self._scores.values()]) * weight
        for rows, columns in ((i, i), (j, j), (i, j), (j, i)):
            np.add.at(precision, (rows, columns), often)
        np.add.at(right, i, total)
        np.add.at(right, j, total)
        solved = np.linalg.solve(precision, right)
        return {each: float(solved[place]) for each, place in self._candidates.items()}

    def noise(self) -> float:
        """The variance of one score: half the mean square of a child's difference to its parent.

        As if ten differences of 0.2 had been seen before the first one.
        """
        squares = [0.02] * 10
        for (candidate, sample), scores in self._scores.items():
            parent = self._parents[candidate]
            other = self._scores.get((parent, sample)) if parent is not None else None
            if other:
                squares.append((scores[0] - other[0]) ** 2 / 2 + 1e-4)
        return sum(squares) / len(squares)
