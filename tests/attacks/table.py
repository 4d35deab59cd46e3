"""Writes docs/attacks.md: every attack on every backend of this machine.

    python -m tests.attacks.table

The table is what was measured here, with what each backend's probe said.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.attacks.backends import NAMES, plain, probed, strong
from tests.attacks.case import Attack
from tests.attacks.corpus import TOPICS
from tests.attacks.gate import GATE_ATTACKS
from tests.attacks.gate.case import Attempt, Yard
from tests.attacks.runner import Ending, try_backend, try_naive

PAGE = Path(__file__).resolve().parents[2] / "docs" / "attacks.md"
ABSENT = "not applicable"

_INTRODUCTION = """\
# Attacks

What code that a model wrote might try, and how it went. This page is written by
`python -m tests.attacks.table`; `tests/attacks/` holds the attacks and runs them as tests.

Each attack is judged by the host, not by its own word where that is possible: a planted secret
came out, a planted file changed, a signal arrived, a process lives on. Each is shown to succeed
where there is no sandbox, so that the test can fail: in agp's *plain* subprocess (`plain`), in a
*bare* worker as people write one (it inherits everything and prints its result), *in-process*, or
through *pickle*. "–" there: no such runner offers what the attack abuses. All are bounded (256
processes, 1 GiB, 30 s) and talk to loopback only.

*blocked*: it ran and failed. *refused to run*: the backend cannot run such code, which is safe too.
*not applicable*: the backend is not strong on this machine, or cannot be used.

What no attack here counts as success, so that nobody is surprised: native confinement without
namespaces cannot hide that a path exists, its size and its times (it does hide names in folders,
contents, link targets and attributes); and the clock of a call stands still while the host answers
what it granted (programs it asks for have the call's own time in all, and a call waits a day at
most), so budgets, not the time limit, bound code that keeps asking.
"""
_GATE = """\
## The gate and what surrounds it

Through the Python interface, with scripted models: what a candidate, an optimizer, a bundle or a
poisoned sample tries against evidence, approvals, permissions, budget and stop. *Naive* is the same
attack on a gate without the defence.
"""


async def measured() -> str:
    """The page, from what happens here and now."""
    found = {name: probed(name) for name in NAMES}
    lines = [
        _INTRODUCTION,
        "## The machine\n",
        "| backend | strength | probe |",
        "| --- | --- | --- |",
    ]
    for name, (strength, why) in found.items():
        lines.append(f"| {name} | {strength} | {why} |")
    for topic, attacks in TOPICS.items():
        lines += [f"\n## {topic.capitalize()}\n", _row("attack", "tries", "no sandbox", *NAMES)]
        lines.append(_row(*["---"] * (3 + len(NAMES))))
        for attack in attacks:
            lines.append(_row(*await _cells(attack)))
            print(lines[-1], file=sys.stderr)
    lines += ["", _GATE, _row("attack", "tries", "naive", "agp"), _row(*["---"] * 4)]
    for each in GATE_ATTACKS:
        naive = await asyncio.to_thread(_tried, each.naive) if each.naive else "–"
        here = await asyncio.to_thread(_tried, each.attempt)
        lines.append(_row(each.name, each.tries, naive, here))
        print(lines[-1], file=sys.stderr)
    return "\n".join(lines) + "\n"


def _tried(attempt: Attempt) -> str:
    with Yard() as yard:
        return Ending.SUCCEEDED if attempt(yard) else Ending.BLOCKED


def rows(page: str) -> Mapping[str, list[str]]:
    """The cells of each attack's row, by its name."""
    cells = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return {row[0]: row[1:] for row in cells}


async def _cells(attack: Attack) -> list[str]:
    shown = "–"
    if attack.shown_on:
        tried = await try_naive(attack, attack.shown_on, plain())
        word = tried.ending if tried.ending is Ending.SUCCEEDED else f"not here: {attack.unless}"
        shown = f"{word} ({attack.shown_on})"
    cells = [attack.name, attack.tries, shown]
    for name in NAMES:
        found = strong(name)
        cells.append((await try_backend(attack, found)).ending if found else ABSENT)
    return cells


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(asyncio.run(measured()))
    print(f"wrote {PAGE}")
