"""A GEPAAdapter as an objective: it scores batches, says what went wrong, and may propose texts."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from agp.errors import InputError
from agp.sepl.functions.metric import Scored, Texts, failed, read_score
from agp.sepl.proposers.function import Feedback, Propose

Dataset = dict[str, list[Any]]
ReflectionModel = Callable[[str], str]
"""GEPA's ``reflection_lm``: a prompt to a reply."""


def is_adapter(metric: Any) -> bool:
    """Whether an objective is a GEPAAdapter: it evaluates batches and makes datasets of them."""
    return all(
        callable(getattr(metric, name, None)) for name in ("evaluate", "make_reflective_dataset")
    )


class AdapterScores:
    """Scores batches by an adapter, unchanged.

    The feedback of an example is its part of the adapter's reflective dataset, as JSON by
    component. Parameters: ``scale`` the adapter's (lowest, highest) score, mapped to [0, 1].
    """

    def __init__(self, adapter: Any, scale: tuple[float, float] = (0.0, 1.0)) -> None:
        low, high = scale
        if not low < high:
            raise InputError(f"scale is {scale!r}: the lowest score, then the highest.")
        self.adapter = adapter
        self.low, self.high = low, high

    async def __call__(self, texts: Texts, examples: Sequence[Any]) -> list[Scored]:
        """See `Scores`. A batch that raises is unscored as a whole: GEPA's adapters do not raise
        for a single example."""
        try:
            batch = self.adapter.evaluate(list(examples), dict(texts), capture_traces=True)
            told = self._feedback(texts, batch, len(examples))
            return [
                self._scored(score, output, feedback)
                for score, output, feedback in zip(batch.scores, batch.outputs, told, strict=True)
            ]
        except Exception as error:  # the user's code: it is told, and the run goes on
            return [failed(error)] * len(examples)

    def _scored(self, score: Any, output: Any, feedback: str) -> Scored:
        try:
            number = read_score((float(score) - self.low) / (self.high - self.low)).score
        except (TypeError, ValueError) as error:
            return failed(error)
        return Scored(number, output if isinstance(output, str) else str(output), feedback)

    def _feedback(self, texts: Texts, batch: Any, size: int) -> list[str]:
        if batch.trajectories is None:
            return [""] * size
        told: list[dict[str, Any]] = [{} for _ in range(size)]
        for component in texts:  # one by one: GEPA's default adapter takes no more
            made = self.adapter.make_reflective_dataset(dict(texts), batch, [component])
            records = cast("Mapping[str, Sequence[Any]]", made).get(component, ())
            if len(records) == size:
                for place, each in enumerate(records):
                    told[place][component] = each
            elif records:  # it keeps some only: all examples say the same
                for each in told:
                    each[component] = list(records)
        return [json.dumps(each, ensure_ascii=False, default=str) for each in told]


def adapter_proposer(adapter: Any, reflection: ReflectionModel | None = None) -> Propose:
    """Proposals by an adapter's own ``propose_new_texts``, or by GEPA's instruction proposal.

    One component changes at a time, drawn at random. Parameters: ``reflection`` GEPA's
    ``reflection_lm`` as a function, for adapters that do not propose. Raises InputError where
    neither is there.
    """
    own = getattr(adapter, "propose_new_texts", None)
    if own is None and reflection is None:
        raise InputError(
            "This adapter proposes no texts (propose_new_texts is None).",
            hint="Give proposer=, a function of one prompt (GEPA's reflection_lm) or a model.",
        )

    async def propose(
        texts: Texts, feedback: list[Feedback], rng: random.Random
    ) -> Mapping[str, str] | None:
        component = rng.choice(sorted(texts))
        records = _records(feedback, component)
        if not records:
            return None
        if own is not None:
            given = own(dict(texts), {component: records}, [component])
            return dict(await given if inspect.isawaitable(given) else given)
        assert reflection is not None
        return {component: _instruction(reflection, texts[component], records)}

    return propose


def takes_prompts(proposer: Any) -> bool:
    """Whether a function is GEPA's ``reflection_lm``: it needs one argument, `Propose` three."""
    try:
        parameters = inspect.signature(proposer).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [p for p in parameters if p.default is p.empty and p.kind not in (4, 2)]
    return len(needed) == 1


def _records(feedback: list[Feedback], component: str) -> list[Any]:
    found: list[Any] = []
    for each in feedback:
        told = json.loads(each["feedback"] or "{}").get(component)
        if isinstance(told, list):
            return cast("list[Any]", told)
        if told is not None:
            found.append(told)
    return found


def _instruction(reflection: ReflectionModel, text: str, records: list[Any]) -> str:
    try:
        from gepa.strategies.instruction_proposal import (  # pyright: ignore[reportMissingImports]
            InstructionProposalSignature,  # pyright: ignore[reportUnknownVariableType]
        )
    except ImportError as error:
        raise InputError("GEPA is not installed.", hint="Install it: pip install gepa") from error
    signature = cast("Any", InstructionProposalSignature)
    reply = signature.run(
        lm=reflection,
        input_dict={"current_instruction_doc": text, "dataset_with_feedback": records},
    )
    return str(reply["new_instruction"])
