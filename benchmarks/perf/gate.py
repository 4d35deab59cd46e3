"""How often the gate is wrong: simulated runs through the real judge, GEPA's rules beside it.

    python benchmarks/perf/gate.py --runs 1000 --seeds 1 2 3

An agent answers a sample rightly with a fixed probability, drawn anew each time: 0.5 for the
incumbent. A run proposes 20 candidates, all alike.

- "search": the best of them on 30 selection samples meets the incumbent on 60 holdout samples.
- "each at α/20": every candidate meets it there, each decision at α/20.
- "sequential": as search, with up to 3 epochs of the holdout.
- "agreeing": the candidate's answers are not drawn anew but are mostly the incumbent's, as two
  prompts of one model are: on 5 % of all samples more it wins, on 5 % more it loses.

GEPA's rules: a proposal whose sum on 3 samples exceeds its parent's is scored on all selection
samples; the best mean there is the result, whatever its lead.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent))

from _common import table

from agp.evaluation.results import SampleResult
from agp.sepl.gate import Policy, Rule, judge
from agp.sepl.looks import Looks
from agp.sepl.statistics import mean_interval, power

PROPOSALS, SELECTION, HOLDOUT, MINIBATCH, ALPHA = 20, 30, 60, 3, 0.05
INCUMBENT = 0.5
ONCE, SEQUENTIAL = Policy(alpha=ALPHA), Policy(alpha=ALPHA, rule=Rule.SEQUENTIAL)
EACH = Policy(alpha=ALPHA / PROPOSALS)
RESULTS = [
    [SampleResult(sample=str(i), sample_digest=str(i), key="", score=score) for score in (0.0, 1.0)]
    for i in range(HOLDOUT)
]

Draw = random.Random
Decision = tuple[bool, int]


def answers(draw: Draw, chance: float, start: int, stop: int) -> list[SampleResult]:
    """Results of an agent that is right with this chance, on holdout samples."""
    return [RESULTS[i][draw.random() < chance] for i in range(start, stop)]


def alike(
    draw: Draw, chance: float, incumbent: list[SampleResult], start: int
) -> list[SampleResult]:
    """Results of an agent that mostly agrees with the incumbent: 5 points against its gain."""
    gain = chance - INCUMBENT
    change = {0.0: (0.05 + max(gain, 0)) / INCUMBENT, 1.0: (0.05 + max(-gain, 0)) / INCUMBENT}
    scores = [r.score or 0.0 for r in incumbent]
    flipped = [1 - s if draw.random() < change[s] else s for s in scores]
    return [RESULTS[start + i][score == 1.0] for i, score in enumerate(flipped)]


def decided(draw: Draw, chance: float, policy: Policy, *, agrees: bool = False) -> Decision:
    """Whether a candidate is accepted, and how many holdout samples it was run on."""
    looks, used = Looks(policy, HOLDOUT, seed=draw.getrandbits(16)), 0
    while (look := looks.next()) is not None:
        where = look.start, look.stop
        before = answers(draw, INCUMBENT, *where)
        after = alike(draw, chance, before, where[0]) if agrees else answers(draw, chance, *where)
        looks.see(after, before)
        used += look.stop - look.start
    return looks.verdict.accepted, used


def searched(policy: Policy) -> Callable[[Draw, float], Decision]:
    """The best of the proposals on selection samples is decided on the holdout."""

    def run(draw: Draw, chance: float) -> Decision:
        means = [right(draw, chance, SELECTION) for _ in range(PROPOSALS)]
        if max(means) < right(draw, INCUMBENT, SELECTION):
            return False, 0
        return decided(draw, chance, policy)

    return run


def each(draw: Draw, chance: float) -> Decision:
    """Every proposal meets the incumbent on the same holdout, at its share of α."""
    incumbent = answers(draw, INCUMBENT, 0, HOLDOUT)
    for number in range(1, PROPOSALS + 1):
        if judge(answers(draw, chance, 0, HOLDOUT), incumbent, EACH).accepted:
            return True, number * HOLDOUT
    return False, PROPOSALS * HOLDOUT


def gepa(draw: Draw, chance: float) -> Decision:
    """GEPA's acceptance: what wins a minibatch is scored, and the best mean is the result."""
    best, found = right(draw, INCUMBENT, SELECTION), False
    for _ in range(PROPOSALS):
        if right(draw, chance, MINIBATCH) > right(draw, INCUMBENT, MINIBATCH):
            mean = right(draw, chance, SELECTION)
            best, found = max(best, mean), found or mean > best
    return found, 0


def right(draw: Draw, chance: float, samples: int) -> int:
    """How many of some samples an agent answers rightly."""
    return sum(draw.random() < chance for _ in range(samples))


def line(
    name: str, run: Callable[[Draw, float], Decision], gain: float, runs: int, seeds: list[int]
) -> list[str]:
    """One row: how often something was accepted, with its 95 % interval."""
    began, accepted, used = perf_counter(), [], 0
    for seed in seeds:
        draw = Draw(f"{name} {gain} {seed}")
        decisions = [run(draw, INCUMBENT + gain) for _ in range(runs)]
        accepted.append([float(yes) for yes, _ in decisions])
        used += sum(samples for _, samples in decisions)
    interval = mean_interval([each for seed in accepted for each in seed])
    return [
        f"{name}, {100 * gain:+.0f} points",
        f"{100 * interval.mean:.2f} %",
        f"{100 * interval.low:.2f} to {100 * interval.high:.2f}",
        " ".join(f"{100 * sum(seed) / runs:.1f}" for seed in accepted),
        f"{used / runs / len(seeds):.0f}" if used else "-",
        f"{perf_counter() - began:.0f}",
    ]


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="simulated runs for each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    options = parser.parse_args()
    how = options.runs, options.seeds

    def one(policy: Policy, *, agrees: bool = False) -> Callable[[Draw, float], Decision]:
        return lambda draw, chance: decided(draw, chance, policy, agrees=agrees)

    header = ["accepted", "share", "95 %", "by seed", "holdout samples", "s"]
    print(f"α = {ALPHA}; {options.runs} runs for each of the seeds {options.seeds}.")
    print("20 proposals a run that are no better, or worse: a commit is an error\n")
    rows = [header]
    for gain in (0.0, -0.1):
        rows.append(line("search, once", searched(ONCE), gain, *how))
        rows.append(line("search, sequential", searched(SEQUENTIAL), gain, *how))
        rows.append(line("each at α/20", each, gain, *how))
        rows.append(line("GEPA's rules", gepa, gain, *how))
    table(rows)
    print("\nOne candidate on a holdout of 60: a commit is right where it is better\n")
    rows = [header]
    for gain in (0.2, 0.1, 0.0, -0.1):
        rows.append(line("once", one(ONCE), gain, *how))
        rows.append(line("sequential", one(SEQUENTIAL), gain, *how))
        rows.append(line("once, agreeing", one(ONCE, agrees=True), gain, *how))
    table(rows)
    # chances of a win and of a loss when 0.7 meets 0.5 independently: 0.35 and 0.15
    print(f"\nPower of one look by calculation: {power(HOLDOUT, 0.2, ALPHA, loss=0.15):.3f}")


if __name__ == "__main__":
    main()
