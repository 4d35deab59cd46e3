"""What an agent is given and what it gives back; nothing here knows the right answer."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from agp.models.types import Completion


class Task(BaseModel):
    """The work an agent sees.

    ``fields`` fill the placeholders of its prompt template; ``input`` is always one of them.
    ``files`` maps file names to text the agent may read with its tools.
    """

    __agp_injected__: ClassVar[bool] = True  # a tool that takes a Task is given the current one

    input: str
    fields: dict[str, str] = Field(default_factory=dict[str, str])
    files: dict[str, str] = Field(default_factory=dict[str, str])


class Answer(BaseModel):
    """The solution y: final text, how many steps it took, and why it ended.

    ``ended`` is ``answered``, ``cut_off`` (the reply reached its token limit), ``empty`` (the
    model said nothing) or ``failed`` (the policy raised; ``detail`` says what, ``traceback`` where
    in its own code). ``taint`` are the
    labels of all that the task had seen (see `agp.taint`); it is set by the session. ``notes``
    tell the person who asked what was not permitted; they are set by `Project.run`.
    """

    text: str
    ended: str = "answered"
    steps: int = 1
    detail: str = ""
    traceback: str = ""
    taint: list[str] = Field(default_factory=list[str])
    notes: list[str] = Field(default_factory=list[str])

    @classmethod
    def from_reply(cls, reply: Completion, *, steps: int = 1) -> Answer:
        """The answer that a model's last reply is."""
        if not reply.text.strip():
            return cls(text="", ended="empty", steps=steps)
        ended = "cut_off" if reply.finish_reason == "length" else "answered"
        return cls(text=reply.text, ended=ended, steps=steps)
