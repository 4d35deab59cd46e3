"""Asking a model that proposes: once per step of the run, in a form that can be read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from agp.budget import collect
from agp.config import REFLECTOR
from agp.errors import ProposerError
from agp.models.types import Completion
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.kinds.prompt import Prompt
from agp.rspl.view import View
from agp.runs.journal import Journal
from agp.runs.observer import Observer
from agp.runtime.session import Session
from agp.secrets import redact_json
from agp.taint import noticed
from agp.tracing import names

UNREADABLE_IN_A_ROW = 3
"""So many replies that cannot be read end a run."""
_QUOTED = 300

Reply = TypeVar("Reply", bound=BaseModel)


@dataclass(frozen=True)
class Question(Generic[Reply]):
    """A question to a model that proposes.

    ``step`` names it in the journal; ``prompt`` is the resource that asks it, with ``fields`` for
    its placeholders; ``reply`` is the form of the answer; ``repetition`` keeps it from being
    answered out of another one's cache; ``role`` is the model's.
    """

    step: str
    prompt: str
    reply: type[Reply]
    fields: dict[str, str]
    temperature: float
    repetition: int
    role: str = REFLECTOR


@dataclass
class Reflector:
    """The models of a run that propose. ``unreadable`` counts replies that could not be read."""

    session: Session
    journal: Journal
    observer: Observer
    seed: int = 0
    unreadable: int = field(default=0, init=False)
    _in_a_row: int = field(default=0, init=False)

    async def ask(self, view: View, question: Question[Reply]) -> Reply | None:
        """The model's reply, once per step of the run; None where it cannot be read.

        Raises ProposerError, quoting the last reply, when several in a row could not be read.
        """

        async def compute() -> dict[str, Any]:
            with collect() as spend:
                completion = await self._call(view, question)
            return {
                "text": completion.text,
                "cut_off": completion.finish_reason == "length",
                "spend": spend.model_dump(),
            }

        payload = await self.journal.step(f"ask/{question.step}", "ask", compute)
        return self._read(payload, question.reply)

    async def _call(self, view: View, question: Question[Any]) -> Completion:
        session, name = self.session, question.prompt
        prompt: Prompt = session.builder.get(view, ResourceId(EntityType.PROMPT, name))
        role = question.role if question.role in session.models.roles else REFLECTOR
        with session.tracer.start_as_current_span(f"{names.INVOKE_WORKFLOW} {name}") as span:
            span.set_attributes(
                {
                    names.GEN_AI_OPERATION_NAME: names.INVOKE_WORKFLOW,
                    names.AGP_OPERATOR: name,
                    names.AGP_RUN: self.journal.run,
                    names.AGP_CANDIDATE: question.step,
                }
            )
            return await session.models.complete_role(
                role,
                redact_json(noticed(prompt.messages(**question.fields))),
                reply_schema=question.reply.model_json_schema(),
                temperature=question.temperature,
                seed=self.seed,
                repetition=question.repetition,
            )

    def _read(self, payload: dict[str, Any], reply: type[Reply]) -> Reply | None:
        try:
            if payload["cut_off"]:
                raise ValueError("cut off at its token limit")
            # Small models break lines inside texts, which JSON alone would not allow.
            read = reply.model_validate(json.loads(payload["text"], strict=False))
        except (ValidationError, ValueError) as error:
            self.unreadable += 1
            self._in_a_row += 1
            why = str(error).splitlines()[0]
            self.observer.note(f"a reply of the reflector could not be read ({why}); it is dropped")
            if self._in_a_row >= UNREADABLE_IN_A_ROW:
                raise ProposerError(
                    f"{self._in_a_row} replies of the reflector in a row could not be read. "
                    f"The last one began: {payload['text'][:_QUOTED]!r}",
                    hint="Start a new run with a stronger reflector (--reflector MODEL).",
                ) from error
            return None
        self._in_a_row = 0
        return read
