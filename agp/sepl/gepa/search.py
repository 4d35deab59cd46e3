"""GEPA's own search as the propose operator of an optimizer: all of it is one round.

GEPA runs in a thread; each of its evaluations is one of ours (journalled, cached, budgeted), and
its proposals come from the run's proposer. So a resumed run replays it to where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar, cast

from agp.errors import EditError, InputError
from agp.evaluation.results import SampleResult
from agp.evaluation.types import Sample
from agp.rspl.view import View
from agp.sepl.edits import Edit, Replace, apply_edits
from agp.sepl.lab import Lab, SearchSpent
from agp.sepl.messages import Message, Modifications, Proposal, Traces
from agp.sepl.proposers import Brief
from agp.sepl.provenance import influences, origins
from agp.sepl.steps.choose import begin

T = TypeVar("T")

_UNLIMITED = 10_000


class GepaSearch:
    """Proposes the best candidate that ``gepa.optimize`` finds.

    Parameters: ``settings`` go to ``gepa.optimize`` as they are.
    """

    name = "gepa"

    def __init__(self, lab: Lab, settings: Mapping[str, Any]) -> None:
        self.lab = lab
        self.settings = settings

    async def __call__(self, view: View, message: Message, /) -> tuple[View, Modifications]:
        if message.round > 1:
            raise SearchSpent  # one search is all there is
        await begin(self.lab, view)
        bridge = _Bridge(self.lab, view, asyncio.get_running_loop())
        try:
            best = await asyncio.to_thread(self._search, bridge)
        finally:
            bridge.ended = True  # a thread cannot be stopped: it asks for nothing more
        edits: list[Edit] = [
            Replace(variable=id_, value=text)
            for id_, text in best.items()
            if text != bridge.start[id_]
        ]
        seen = bridge.seen
        items = [
            Proposal(
                id="r1c1",
                strategy="gepa",
                rationale="the best of a search by GEPA",
                edits=edits,
                taint=origins(seen),
                influences=influences(seen, self.lab.journal.run),
            )
        ]
        traces = Traces(round=1, feedback=seen, selection=[])
        return view, Modifications(round=1, traces=traces, items=items if edits else [])

    def _search(self, bridge: _Bridge) -> dict[str, str]:
        try:
            import gepa  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise InputError(
                "GEPA is not installed.", hint="Install it: pip install gepa"
            ) from error
        allowed = self.lab.allowance
        try:
            result = cast("Any", gepa).optimize(
                seed_candidate=dict(bridge.start),
                trainset=list(self.lab.splits.feedback),
                valset=list(self.lab.splits.selection),
                adapter=bridge,
                max_metric_calls=_UNLIMITED if allowed is None else allowed,
                seed=self.lab.seed,
                logger=_Silent(),
                raise_on_exception=True,
                **self.settings,
            )
        except SearchSpent:
            return bridge.best
        if bridge.error is not None:  # GEPA went on, or ended, without a word
            raise bridge.error
        return dict(result.best_candidate)


class _Bridge:
    """The lab as GEPA's adapter; its methods are called in GEPA's thread."""

    def __init__(self, lab: Lab, view: View, loop: asyncio.AbstractEventLoop) -> None:
        self.lab = lab
        self.view = view
        self.loop = loop
        theta = {id_: v for id_, v in lab.theta(view).items() if v.form == "text"}
        self.start: dict[str, str] = {id_: v.value for id_, v in theta.items()}
        self.best = dict(self.start)
        self.seen: list[SampleResult] = []
        self.error: BaseException | None = None
        self.ended = False
        self._selection = {sample.digest for sample in lab.splits.selection}
        self._highest = -1.0
        self._calls = 0
        self._proposals = 0

    def evaluate(
        self, batch: Sequence[Sample], candidate: dict[str, str], capture_traces: bool = False
    ) -> Any:
        """One of GEPA's evaluations; a candidate that may not be scores 0 everywhere."""
        from gepa.core.adapter import (  # pyright: ignore[reportMissingImports]
            EvaluationBatch,  # pyright: ignore[reportUnknownVariableType]
        )

        self._calls += 1
        try:
            view = self._view(candidate)
        except EditError:
            scores, outputs = [0.0] * len(batch), [None] * len(batch)
            return cast("Any", EvaluationBatch)(
                outputs=outputs, scores=scores, trajectories=outputs if capture_traces else None
            )
        results = self._wait(self.lab.run(view, batch, f"gepa {self._calls}"))
        scores = [result.score or 0.0 for result in results]
        whole = {sample.digest for sample in batch} == self._selection
        if whole and sum(scores) > self._highest:
            self._highest, self.best = sum(scores), dict(candidate)
        return cast("Any", EvaluationBatch)(
            outputs=results, scores=scores, trajectories=results if capture_traces else None
        )

    def make_reflective_dataset(
        self, candidate: dict[str, str], eval_batch: Any, components_to_update: list[str]
    ) -> dict[str, list[Any]]:
        """The results themselves: the proposer of the run shows them as it does for all."""
        shown = [result for result in eval_batch.trajectories if result is not None]
        return dict.fromkeys(components_to_update, shown)

    def propose_new_texts(
        self,
        candidate: dict[str, str],
        reflective_dataset: Mapping[str, Sequence[Any]],
        components_to_update: list[str],
    ) -> dict[str, str]:
        """New texts by the run's proposer; the old ones where it has none."""
        self._proposals += 1
        results = cast("list[SampleResult]", list(reflective_dataset[components_to_update[0]]))
        failed = [r for r in results if r.score is not None and r.score < 1.0]
        self.seen = (self.seen + failed)[-100:]
        return self._wait(self._propose(candidate, failed, components_to_update))

    async def _propose(
        self, candidate: dict[str, str], failed: list[SampleResult], components: list[str]
    ) -> dict[str, str]:
        old = {id_: candidate[id_] for id_ in components}
        view = self._view(candidate)
        theta = self.lab.theta(view)
        draft = await self.lab.proposer.propose(
            view,
            Brief(
                step=f"gepa/{self._proposals}",
                round=self._proposals,
                number=1,
                variables=[theta[id_] for id_ in self.start],
                seen=failed,
                causes=[r.feedback for r in failed if r.feedback][:3],
            ),
        )
        if draft is None:
            return old
        try:
            records = apply_edits(view, theta, draft.edits, self.lab.envelope)
        except EditError:
            return old
        changed = self.lab.theta(view.with_overlay(records))
        return {id_: changed[id_].value for id_ in components}

    def _view(self, candidate: Mapping[str, str]) -> View:
        edits = [
            Replace(variable=id_, value=text)
            for id_, text in candidate.items()
            if text != self.start[id_]
        ]
        if not edits:
            return self.view
        theta = self.lab.theta(self.view)
        return self.view.with_overlay(apply_edits(self.view, theta, edits, self.lab.envelope))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if self.ended:
            work.close()
            raise SearchSpent
        try:
            return asyncio.run_coroutine_threadsafe(work, self.loop).result()
        except BaseException as error:
            if not isinstance(error, SearchSpent):
                self.error = self.error or error
            raise


class _Silent:
    """GEPA's logger, writing nothing: the run tells what it does."""

    def log(self, message: str) -> None:
        """Drop the message."""
