"""Loss λ and Backward β of TextGrad (Algorithm 2): critiques, and who is to follow them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from agp.canonical import digest
from agp.config import CRITIC
from agp.evaluation.results import SampleResult
from agp.rspl.view import View
from agp.sepl.lab import Lab
from agp.sepl.messages import Traces
from agp.sepl.proposers.model import REPETITIONS
from agp.sepl.proposers.showing import describe
from agp.sepl.reflector import Question, Reflector
from agp.sepl.signals import Buffers, Gradients
from agp.sepl.steps.reflect import failures, instructions


class _Critique(BaseModel):
    critique: str = Field(min_length=1)
    nothing_to_fix: bool


class Loss:
    """λ: asks the critic (M_eval) for a textual gradient g per failed sample.

    Where no role ``critic`` is set, the reflector's model is asked. Where all it says is that
    nothing is to be fixed, the search has converged. Where a function proposes, nobody is
    asked: the gradients are then what the scorer said. Parameters: ``batch`` failed samples a
    step, drawn anew each time.
    """

    name = "loss"

    def __init__(self, lab: Lab, *, batch: int) -> None:
        self.lab = lab
        self.batch = batch

    async def __call__(self, view: View, message: Traces, /) -> tuple[View, Gradients]:
        failed = failures(message)
        self.lab.rng("batch", message.round).shuffle(failed)
        shown, settled = failed[: self.batch], False
        if self.lab.reflector is None:
            items = [result.feedback or "wrong" for result in shown]
        else:
            critiques = [
                await self._ask(self.lab.reflector, view, message.round, number, result)
                for number, result in enumerate(shown, start=1)
            ]
            items = [c.critique for c in critiques if c is not None and not c.nothing_to_fix]
            settled = bool(critiques) and all(c is not None and c.nothing_to_fix for c in critiques)
        traces = message.model_copy(update={"settled": settled})
        return view, Gradients(round=message.round, traces=traces, items=items, seen=shown)

    async def _ask(
        self, reflector: Reflector, view: View, round_: int, number: int, result: SampleResult
    ) -> _Critique | None:
        return await reflector.ask(
            view,
            Question(
                step=f"{round_}/loss/{number}",
                prompt="textgrad.loss",
                reply=_Critique,
                fields={
                    "instructions": instructions(self.lab, view),
                    "tools": ", ".join(view.record(self.lab.agent).params["tools"]) or "none",
                    "failure": describe(self.lab.sample(result), result),
                },
                temperature=0.0,
                repetition=round_ * REPETITIONS + number,
                role=CRITIC,
            ),
        )


class Backward:
    """β: adds every gradient to the buffer of each learnable text.

    A buffer belongs to a text as it stands: when the text changes, it is empty again, as after
    the step of an optimizer. A rejected step leaves it full. Parameters: ``size`` gradients a
    buffer holds, the newest.
    """

    name = "backward"

    def __init__(self, lab: Lab, *, size: int) -> None:
        self.lab = lab
        self.size = size
        # Known again after a resume: the critiques are replies in the journal.
        self._buffers: dict[tuple[str, str], list[str]] = {}

    async def __call__(self, view: View, message: Gradients, /) -> tuple[View, Buffers]:
        filled: dict[str, list[str]] = {}
        for variable in self.lab.theta(view).values():
            if variable.form not in ("text", "code"):
                continue
            buffer = self._buffers.setdefault((variable.id, digest(variable.value)), [])
            buffer += [gradient for gradient in message.items if gradient not in buffer]
            del buffer[: -self.size]
            if buffer and not message.traces.settled:
                filled[variable.id] = list(buffer)
        return view, Buffers(
            round=message.round, traces=message.traces, seen=message.seen, gradients=filled
        )
