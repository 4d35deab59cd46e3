"""Diagnose: reflection that sees how good each rollout was beside the others (Algorithms 3, 4)."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from agp.rspl.view import View
from agp.sepl.lab import Lab
from agp.sepl.messages import Hypotheses, Hypothesis
from agp.sepl.proposers.model import REPETITIONS
from agp.sepl.proposers.showing import clip
from agp.sepl.reflector import Question, Reflector
from agp.sepl.signals import Group, Rollout, Rollouts
from agp.sepl.steps.reflect import instructions
from agp.taint import quoted


class _Causes(BaseModel):
    causes: list[str] = Field(min_length=1, max_length=3)


class Diagnose:
    """Asks the reflector for causes, from replies with their r, A, π and J.

    Groups in which every rollout is perfect are left out. Where a function proposes, nobody is
    asked: the causes are then what the scorer said. Parameters: ``prompt`` the resource that asks.
    """

    name = "diagnose"

    def __init__(self, lab: Lab, *, prompt: str = "diagnose") -> None:
        self.lab = lab
        self.prompt = prompt

    async def __call__(self, view: View, message: Rollouts, /) -> tuple[View, Hypotheses]:
        groups = [group for group in message.groups if any(map(_failed, group.rollouts))]
        seen = [rollout.result for group in groups for rollout in group.rollouts]
        if not groups:
            items: list[Hypothesis] = []
        elif self.lab.reflector is None:
            failed = [rollout.result for g in groups for rollout in g.rollouts if _failed(rollout)]
            items = [Hypothesis(cause=r.feedback or "wrong", samples=[r.sample]) for r in failed]
        else:
            items = await self._ask(self.lab.reflector, view, message.round, groups)
        return view, Hypotheses(round=message.round, traces=message.traces, items=items, seen=seen)

    async def _ask(
        self, reflector: Reflector, view: View, round_: int, groups: Sequence[Group]
    ) -> list[Hypothesis]:
        tools = view.record(self.lab.agent).params["tools"]
        reply = await reflector.ask(
            view,
            Question(
                step=f"{round_}/diagnose",
                prompt=self.prompt,
                reply=_Causes,
                fields={
                    "instructions": instructions(self.lab, view),
                    "tools": ", ".join(tools) or "none",
                    "rollouts": "\n\n".join(map(self._describe, groups)),
                },
                temperature=0.0,
                repetition=round_ * REPETITIONS,
            ),
        )
        shown = [group.sample for group in groups]
        return [Hypothesis(cause=cause, samples=shown) for cause in (reply.causes if reply else [])]

    def _describe(self, group: Group) -> str:
        """A sample and its rollouts: as data, whatever they say."""
        sample = self.lab.sample(group.rollouts[0].result)
        lines = [f"Task: {clip(sample.task.input)}", f"Expected: {clip(sample.target)}"]
        for number, rollout in enumerate(group.rollouts, start=1):
            lines += [
                f"Reply {number} ({_metrics(rollout)}): {clip(rollout.result.text) or '(nothing)'}",
                f"Verdict {number}: {clip(rollout.result.feedback) or _verdict(rollout)}",
            ]
        return quoted("\n".join(lines))


def _failed(rollout: Rollout) -> bool:
    return rollout.result.score != 1.0


def _verdict(rollout: Rollout) -> str:
    return "wrong" if _failed(rollout) else "right"


def _metrics(rollout: Rollout) -> str:
    if (m := rollout.metrics) is None:
        return f"r={rollout.result.score}"
    return f"r={m.reward:.2f}, A={m.advantage:+.2f}, π={m.ratio:.2f}, J={m.objective:+.2f}"
