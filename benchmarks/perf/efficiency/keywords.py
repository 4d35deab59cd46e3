"""Hidden keywords in prompts: a task with a known optimum and tunable noise.

A candidate is a few prompt texts, one per component. Hidden in the task are keywords that each
text should contain; a sample needs a few of them, some of them only together with a word of
another component. A scripted proposer reads the feedback of failing samples as a language model
would: it adds what was named, and now and then adds rubbish, drops a word, or spoils a text that
it was not asked about. Every draw is a hash of its circumstances: nothing depends on the order in
which candidates are run, and every optimizer meets the same task.

This file needs the standard library only, since the peers run it in an environment of their own.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

Texts = Mapping[str, str]
DEMO = "Demo "  # a line "Demo SAMPLE" in a text shows a solved sample
LESSON = "[{component}] mention '{word}'"
LESSONS = re.compile(r"\[(\w+)\] mention '(\w+)'")


@dataclass(frozen=True)
class Settings:
    """What a task is like; the defaults are those of the published figures."""

    components: int = 3
    keywords: int = 4  # in each component
    core: int = 2  # words of each first text that it needs to keep
    needs: int = 3  # units (keywords or pairs) that one sample needs
    interaction: float = 0.0  # share of the keywords that count only as a pair of two components
    noise: float = 0.0  # 0: the score is the quality; 1: success or failure with that probability
    base: float = 0.25  # quality of a text without keywords
    gain: float = 0.65  # what all needed keywords add
    bloat: float = 0.03  # what a word that nobody needs costs
    harm: float = 0.04  # what a missing core word costs
    demo: float = 0.25  # how much of a unit a demonstration teaches that shows it
    demo_cost: float = 0.002  # what one demonstration costs
    truth: float = 0.6  # probability that feedback names what is really missing
    train: int = 60
    val: int = 30
    hidden: int = 1000


@dataclass(frozen=True)
class Sample:
    """A task to solve: the numbers of the units that it needs."""

    id: str
    needs: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """What one execution gave: a score in [0, 1], and what is said about it."""

    score: float
    feedback: str


@dataclass(frozen=True)
class Words:
    """What of a candidate matters: its words and demonstrations by component, and their waste."""

    words: tuple[frozenset[str], ...]
    demos: tuple[frozenset[str], ...]
    cost: float


def draw(*circumstances: object) -> float:
    """A number in [0, 1) that depends on the circumstances only."""
    text = "|".join(map(str, circumstances)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64


class Keywords:
    """One instance of the task: what is hidden, the samples, and how a candidate does on them."""

    def __init__(self, settings: Settings | None = None, seed: int = 0) -> None:
        self.settings = s = settings or Settings()
        self.seed = seed
        rng = random.Random(f"keywords {seed}")
        self.names = [f"part{number}" for number in range(s.components)]
        vocabulary = _vocabulary(rng, s.components * (s.keywords + s.core) + 200)
        self._keywords = [[vocabulary.pop() for _ in range(s.keywords)] for _ in self.names]
        self._core = [[vocabulary.pop() for _ in range(s.core)] for _ in self.names]
        self.junk = vocabulary
        self.units = self._units(rng)
        self.start = {name: " ".join(self._core[i]) for i, name in enumerate(self.names)}
        self.train = [self._sample(f"t{n}", rng) for n in range(s.train)]
        self.val = [self._sample(f"v{n}", rng) for n in range(s.val)]
        self.hidden = [self._sample(f"h{n}", rng) for n in range(s.hidden)]
        self._by_id = {sample.id: sample for sample in [*self.train, *self.val]}
        self._read = lru_cache(maxsize=4096)(self._read_texts)

    @property
    def best(self) -> dict[str, str]:
        """The candidate that no other beats: all keywords, all core words, nothing else."""
        return {
            name: " ".join([*self._core[i], *self._keywords[i]])
            for i, name in enumerate(self.names)
        }

    def quality(self, texts: Texts, sample: Sample) -> float:
        """The expected score of a candidate on a sample, exactly."""
        read = self._read(tuple(texts[name] for name in self.names))
        return self._quality(read, sample)

    def value(self, texts: Texts) -> float:
        """The true value of a candidate: its expected score on the hidden samples."""
        return sum(self.quality(texts, sample) for sample in self.hidden) / len(self.hidden)

    def run(self, texts: Texts, sample: Sample, repetition: int = 0) -> Outcome:
        """One execution. With noise, another repetition or wording is another draw."""
        key = tuple(texts[name] for name in self.names)
        read = self._read(key)
        quality = self._quality(read, sample)
        place = (self.seed, sample.id, repetition, *key)
        score = quality
        if self.settings.noise and draw("noisy", *place) < self.settings.noise:
            score = float(draw("success", *place) < quality)
        if score >= 1:
            return Outcome(score, "")
        return Outcome(score, self._feedback(read, sample, place))

    def _quality(self, read: Words, sample: Sample) -> float:
        s = self.settings
        credit = sum(self._credit(read, unit) for unit in sample.needs) / len(sample.needs)
        return min(1.0, max(0.0, s.base + s.gain * credit - read.cost))

    def _credit(self, read: Words, unit: int) -> float:
        parts = self.units[unit]
        if all(word in read.words[component] for component, word in parts):
            return 1.0
        shown = any(
            unit in self._by_id[demo].needs
            for component, _ in parts
            for demo in read.demos[component]
        )
        return self.settings.demo if shown else 0.0

    def _feedback(self, read: Words, sample: Sample, place: tuple[object, ...]) -> str:
        """For each component, a word that it lacks for this sample; some of it is wrong."""
        lines: list[str] = []
        for component, name in enumerate(self.names):
            lacking = [
                word
                for unit in sample.needs
                for part, word in self.units[unit]
                if part == component and word not in read.words[component]
            ]
            told = draw("told", name, *place)
            wrong = draw("which", name, *place)
            if lacking and told < self.settings.truth:
                word = lacking[int(wrong * len(lacking))]
            elif lacking or told > (1 + self.settings.truth) / 2:
                word = self.junk[int(wrong * len(self.junk))]
            else:
                continue
            lines.append(LESSON.format(component=name, word=word))
        return "\n".join(lines)

    def _read_texts(self, key: tuple[str, ...]) -> Words:
        s = self.settings
        words: list[frozenset[str]] = []
        demos: list[frozenset[str]] = []
        cost = 0.0
        for i, text in enumerate(key):
            lines = text.splitlines()
            shown = [line[len(DEMO) :].strip() for line in lines if line.startswith(DEMO)]
            said = " ".join(line for line in lines if not line.startswith(DEMO)).split()
            useful = {*self._keywords[i], *self._core[i]}
            junk = len(said) - len(useful & set(said))
            cost += s.bloat * junk + s.demo_cost * len(shown)
            cost += s.harm * sum(word not in said for word in self._core[i])
            words.append(frozenset(said))
            demos.append(frozenset(demo for demo in shown if demo in self._by_id))
        return Words(tuple(words), tuple(demos), cost)

    def _units(self, rng: random.Random) -> list[tuple[tuple[int, str], ...]]:
        """Keywords as (component, word), alone or in pairs of two different components."""
        s = self.settings
        alone = [(i, word) for i, words in enumerate(self._keywords) for word in words]
        rng.shuffle(alone)
        pairs: list[tuple[tuple[int, str], ...]] = []
        for _ in range(round(s.interaction * len(alone) / 2)):
            first = alone.pop()
            other = next((each for each in alone if each[0] != first[0]), None)
            if other is None:
                alone.append(first)
                break
            alone.remove(other)
            pairs.append((first, other))
        return [*pairs, *((each,) for each in alone)]

    def _sample(self, name: str, rng: random.Random) -> Sample:
        return Sample(name, tuple(rng.sample(range(len(self.units)), self.settings.needs)))


@dataclass(frozen=True)
class Habits:
    """What the scripted proposer does, as probabilities."""

    heeds: float = 0.5  # a lesson it has taken up becomes a word of the text
    grasps: int = 3  # lessons that it takes up at once, from however much feedback
    rambles: float = 0.5  # it adds a word that nobody needs
    forgets: float = 0.3  # it drops a word that was there
    spoils: float = 0.1  # it changes a word of a component that it was not asked about


class Proposer:
    """Writes new texts from feedback; the same for every optimizer."""

    def __init__(self, task: Keywords, seed: int, habits: Habits | None = None) -> None:
        self.task = task
        self.seed = seed
        self.habits = habits or Habits()
        self.calls = 0

    def propose(
        self, texts: Texts, feedback: Iterable[str], components: Sequence[str]
    ) -> dict[str, str]:
        """New texts of the components that change; only those asked for, but for a slip."""
        self.calls += 1
        told = list(feedback)
        rng = random.Random(f"{self.seed} {self.calls} {sorted(texts.items())} {told}")
        new = {name: texts[name].split() for name in components}
        lessons = [
            lesson
            for lesson in dict.fromkeys(LESSONS.findall("\n".join(told)))
            if lesson[0] in new and lesson[1] not in new[lesson[0]]
        ]
        for name, word in rng.sample(lessons, min(self.habits.grasps, len(lessons))):
            if rng.random() < self.habits.heeds:
                new[name].append(word)
        if rng.random() < self.habits.rambles:
            new[rng.choice(components)].append(rng.choice(self.task.junk))
        if rng.random() < self.habits.forgets:
            words = new[rng.choice(components)]
            if words:
                words.remove(rng.choice(words))
        self._slip(new, texts, rng)
        changed = {name: " ".join(words) for name, words in new.items()}
        changed = {name: text for name, text in changed.items() if text != texts[name]}
        return changed or self._reword(texts, components, rng)

    def _slip(self, new: dict[str, list[str]], texts: Texts, rng: random.Random) -> None:
        others = [name for name in self.task.names if name not in new and texts[name]]
        if others and rng.random() < self.habits.spoils:
            name = rng.choice(others)
            new[name] = texts[name].split()
            new[name][rng.randrange(len(new[name]))] = rng.choice(self.task.junk)

    def _reword(
        self, texts: Texts, components: Sequence[str], rng: random.Random
    ) -> dict[str, str]:
        """Another order of the same words: worth the same, but the luck of each sample is new."""
        name = rng.choice(components)
        words = texts[name].split()
        rng.shuffle(words)
        return {name: " ".join(words)}


class Meter:
    """Counts executions, remembers who was scored on all validation samples, and when.

    A pair of candidate and sample that is run again is another repetition.
    """

    def __init__(self, task: Keywords) -> None:
        self.task = task
        self.calls = 0
        self.scored: list[tuple[int, float, dict[str, str]]] = []
        self._times: dict[tuple[str, ...], int] = {}
        self._validation = {sample.id for sample in task.val}
        self._partly: dict[tuple[str, ...], dict[str, float]] = {}

    def run(self, texts: Texts, sample: Sample) -> Outcome:
        """Execute the task once; one call."""
        self.calls += 1
        key = tuple(texts[name] for name in self.task.names)
        repetition = self._times.get((*key, sample.id), 0)
        self._times[(*key, sample.id)] = repetition + 1
        outcome = self.task.run(texts, sample, repetition)
        if sample.id in self._validation:
            seen = self._partly.setdefault(key, {})
            seen.setdefault(sample.id, outcome.score)
            if len(seen) == len(self._validation) and repetition == 0:
                mean = sum(seen.values()) / len(seen)
                self.scored.append((self.calls, mean, dict(texts)))
        return outcome

    def choices(self) -> list[tuple[int, dict[str, str]]]:
        """Whom an optimizer that goes by the validation mean prefers, from which call on."""
        best = float("-inf")
        chosen = [(0, dict(self.task.start))]
        for calls, mean, texts in self.scored:
            if mean > best:
                best = mean
                chosen.append((calls, texts))
        return chosen


def _vocabulary(rng: random.Random, size: int) -> list[str]:
    """Different invented words, in no particular order."""
    words: dict[str, None] = {}
    while len(words) < size:
        syllables = (rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(3))
        words["".join(syllables)] = None
    return list(words)
