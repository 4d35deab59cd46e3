"""Sample: the rollouts {y_i} that Reinforce++ and GRPO compare (Algorithms 3 and 4)."""

from __future__ import annotations

from agp.evaluation.results import SampleResult, mean_score
from agp.rspl.dependencies import closure
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.paths import set_path
from agp.rspl.view import View
from agp.sepl.lab import Lab, SearchSpent
from agp.sepl.messages import Traces
from agp.sepl.signals import Group, Rollout, Rollouts

SOLUTION = "solution"
"""Under this name a sample's metadata may hold a worked solution, which is y_sft then."""
_TEMPERATURE = "params/policy/temperature"
_APART = 1000


class SampleRollouts:
    """Draws K rollouts for each of a few feedback samples.

    Parameters: ``batch`` samples a step, failed ones first; ``size`` K: 1 takes the answer that
    Execute has got, more are drawn anew in every step; ``temperature`` they are drawn at, where an
    agent's policy has such a setting; ``satisfied`` the mean feedback score in [0, 1] from which on
    nothing is left to learn.

    y_prev is the answer of the step before to the same sample; in the first step, Execute's own.
    """

    name = "sample"

    def __init__(
        self,
        lab: Lab,
        *,
        batch: int,
        size: int = 1,
        temperature: float = 0.0,
        satisfied: float = 1.0,
    ) -> None:
        self.lab = lab
        self.batch = batch
        self.size = size
        self.temperature = temperature
        self.satisfied = satisfied
        # Known again after a resume: the journal hands the same answers out in the same order.
        self._previous: dict[str, str] = {}
        self._first: dict[str, str] = {}

    async def __call__(self, view: View, message: Traces, /) -> tuple[View, Rollouts]:
        scored = [result for result in message.feedback if result.score is not None]
        for result in scored:
            self._first.setdefault(result.sample_digest, result.text)
        settled = bool(scored) and mean_score(scored) >= self.satisfied
        traces = message.model_copy(update={"settled": settled})
        chosen = [] if settled else self._chosen(scored, message.round)
        drawn = await self._draw(view, chosen, message.round)
        groups = [self._group(result, drawn[result.sample_digest]) for result in chosen]
        self._previous |= {result.sample_digest: result.text for result in scored}
        groups = [group for group in groups if group.rollouts]
        return view, Rollouts(round=message.round, traces=traces, groups=groups)

    def _chosen(self, results: list[SampleResult], round_: int) -> list[SampleResult]:
        order = list(results)
        self.lab.rng("batch", round_).shuffle(order)
        order.sort(key=lambda result: result.score == 1.0)  # stable: by chance among equals
        return order[: self.batch]

    async def _draw(
        self, view: View, chosen: list[SampleResult], round_: int
    ) -> dict[str, list[SampleResult]]:
        """Sample digest → its rollouts."""
        drawn: dict[str, list[SampleResult]] = {result.sample_digest: [] for result in chosen}
        if self.size == 1:
            return {result.sample_digest: [result] for result in chosen}
        samples = [self.lab.sample(result) for result in chosen]
        view = warmed(view, self.lab.agent, self.temperature)
        draws = [round_ * _APART + number for number in range(1, self.size + 1)]
        if not self.lab.affords(sum(self.lab.fresh(view, samples, draw) for draw in draws)):
            raise SearchSpent  # half a group compares with nothing
        for number, draw in enumerate(draws, start=1):
            phase = f"round {round_} rollout {number}"
            for result in await self.lab.run(view, samples, phase, repetition=draw):
                if result.score is not None:
                    drawn[result.sample_digest].append(result)
        return drawn

    def _group(self, executed: SampleResult, drawn: list[SampleResult]) -> Group:
        digest, sample = executed.sample_digest, self.lab.sample(executed)
        solution = sample.metadata.get(SOLUTION)
        given = solution if isinstance(solution, str) else sample.target
        return Group(
            sample=sample.id,
            previous=self._previous.get(digest, executed.text),
            reference=given or self._first[digest],
            rollouts=[Rollout(result=result) for result in drawn],
        )


def warmed(view: View, agent: ResourceId, temperature: float) -> View:
    """The view in which an agent, and those it uses, sample at ``temperature``.

    Only policies that have the setting are changed; at their own temperature, often 0, all
    rollouts would be one and the same.
    """
    used = (rid for rid in closure(agent, view.record) if rid.type is EntityType.AGENT)
    records = [view.record(rid) for rid in used]
    return view.with_overlay(
        Record.model_validate(set_path(record.body(), _TEMPERATURE, temperature))
        for record in records
        if "temperature" in record.params["policy"]
    )
