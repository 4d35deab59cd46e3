"""An optimizer of one's own: it takes sentences out of a prompt, one at a time, and keeps what
does no harm. Copy it, and change `Shorten`.

    python examples/custom_optimizer.py
"""

from __future__ import annotations

import re

import agp
from agp.sepl.edits import Replace
from agp.sepl.lab import Lab
from agp.sepl.messages import Modifications, Proposal, Traces
from agp.sepl.operators import Composition
from agp.sepl.optimizer import Optimizer
from agp.sepl.optimizers import register
from agp.sepl.steps import Choose, Improve, Keep, Race, Rules


class Shorten:
    """Select σ: proposes a text of the agent without one of its sentences."""

    name = "shorten"

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    async def __call__(self, view: agp.View, message: Traces) -> tuple[agp.View, Modifications]:
        rng = self.lab.rng("shorten", message.round)
        variable = rng.choice([v for v in self.lab.theta(view).values() if v.form == "text"])
        sentences = re.split(r"(?<=[.!?])\s+", variable.value)
        sentences.pop(rng.randrange(len(sentences)))
        edit = Replace(variable=variable.id, value=" ".join(sentences))
        proposal = Proposal(
            id=f"r{message.round}c1",
            strategy="shorten",
            rationale="one sentence less",
            edits=[edit],
        )
        return view, Modifications(round=message.round, traces=message, items=[proposal])


def shorten(lab: Lab) -> Optimizer:
    """keep ∘ race ∘ ι ∘ shorten ∘ choose."""
    choose = Choose(lab, lambda pool, _: pool.best(), minibatch=1)
    return Optimizer(
        propose=Composition(choose, Shorten(lab), Improve(lab)),
        assess=Race(lab, Rules()),
        commit=Keep(lab),
    )


register("shorten", shorten)


def main() -> None:
    """Shorten a text that a function scores: it may lose what it does not need."""
    needed = ("Think first.", "Answer with a number.")

    def score(texts: dict[str, str], question: str) -> float:
        kept = sum(part in texts["text"] for part in needed) / len(needed)
        return kept * (1 - len(texts["text"]) / 1000)

    text = "You are kind. Think first. The sky is blue. Answer with a number. Be who you are."
    report = agp.optimize(
        text,
        score,
        train=[f"question {n}" for n in range(30)],
        proposer=lambda *_: None,  # `Shorten` proposes; nobody else is asked
        optimizer="shorten",
        rounds=20,
    )
    print(report.conclusion)
    print(report.best["text"])


if __name__ == "__main__":
    main()
