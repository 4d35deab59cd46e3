"""An objective that is a function: texts score by the words they have, in microseconds."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import agp
from agp.sepl.report import EvolveReport

NEEDED = ("think", "check", "number")
SEED = "Answer."
EXAMPLES = [f"question {n}" for n in range(40)]
FEEDBACK, SELECTION, HOLDOUT = EXAMPLES[:8], EXAMPLES[8:20], EXAMPLES[20:]
SPLIT = {"train": FEEDBACK, "val": SELECTION, "holdout": HOLDOUT}


class Words:
    """The metric: a third for each needed word. It counts its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def __call__(self, texts: dict[str, str], example: Any) -> Any:
        self.calls.append((texts["text"], example))
        return score(texts["text"])


def score(text: str) -> float:
    """The share of the needed words that a text has."""
    return sum(word in text for word in NEEDED) / len(NEEDED)


def propose(
    texts: dict[str, str], feedback: list[dict[str, Any]], rng: random.Random
) -> dict[str, str]:
    """The text with one word more: a needed one, or one that changes nothing."""
    return {"text": f"{texts['text']} {rng.choice([*NEEDED, 'please'])}"}


def optimize(store: Path | None = None, metric: Any = None, **settings: Any) -> EvolveReport:
    """`agp.optimize` on these words, unless told otherwise."""
    given = {"proposer": propose, "rounds": 12, **SPLIT, **settings}
    return agp.optimize(given.pop("seed", SEED), metric or Words(), store=store, **given)
