"""Making a sub-agent that an agent can hand a part of its tasks to.

It has the policy, settings and limits of the agent that it is made for, a prompt of its own, and
as many of that agent's tools as it is given.
"""

from __future__ import annotations

from typing import Any, Literal, cast

from pydantic import BaseModel, Field, create_model

from agp.rspl.entities import EntityType
from agp.rspl.kinds.agent import Bindings
from agp.rspl.view import View
from agp.sepl.creation.makers import Making, free_name
from agp.sepl.creation.records import NewAgent
from agp.sepl.edits import Bind, Create, Edit
from agp.sepl.lab import Lab
from agp.sepl.proposers import Brief, Draft
from agp.sepl.proposers.model import REPETITIONS
from agp.sepl.reflector import Question

CREATE_AGENT = "create.agent"
_FIELD = "params/agents"


class _Described(BaseModel):
    name: str = Field(min_length=1)
    description: str = Field(min_length=1)
    instructions: str = Field(min_length=1)


class AgentMaker:
    """Asks a model for a sub-agent."""

    name = CREATE_AGENT
    about = "Make a helper that the agent can ask. The text says which part of a task it takes."

    def __init__(self, making: Making) -> None:
        self.making = making

    def offered(self, brief: Brief) -> bool:
        """See `agp.sepl.proposers.Maker`."""
        return self.making.open_for(EntityType.AGENT, _FIELD, brief) is not None

    async def draft(self, view: View, brief: Brief, wish: str = "") -> Draft | None:
        """See `agp.sepl.proposers.Maker`. Raises ProposerError for rubbish every time."""
        open_ = self.making.open_for(EntityType.AGENT, _FIELD, brief)
        if open_ is None:
            return None
        prefix, binding = open_
        bound = Bindings.of(view.record(self.making.agent))
        reply = await self.making.reflector.ask(
            view,
            Question(
                step=f"{brief.step}/agent",
                prompt=CREATE_AGENT,
                reply=_form(bound.tools),
                fields=self.making.fields(view, brief, wish, prefix),
                temperature=brief.temperature,
                repetition=brief.round * REPETITIONS + brief.number,
            ),
        )
        if reply is None:
            return None
        name = free_name(reply.name, prefix, EntityType.AGENT, view)
        new = NewAgent(
            name=name,
            description=reply.description,
            system=reply.instructions,
            tools=list(dict.fromkeys(cast("Any", reply).tools)) if bound.tools else [],
            model=bound.model,
            like=str(self.making.agent),
        )
        edits: list[Edit] = [Create(new=new), Bind(variable=binding, name=name)]
        return Draft(self.name, edits, "; ".join(brief.causes))


async def create_agent(lab: Lab, view: View, brief: Brief, wish: str = "") -> Draft | None:
    """A proposal with a new sub-agent and its binding, for an optimizer that asks for one itself.

    None where no model proposes, the run may make no agent, or no reply can be read.
    """
    if lab.reflector is None:
        return None
    tasks = {sample.digest: sample.task.input for sample in lab.splits.feedback}
    return await AgentMaker(Making(lab.reflector, lab.agent, lab.envelope, tasks)).draft(
        view, brief, wish
    )


def _form(tools: list[str]) -> type[_Described]:
    """The form of a reply, which may give the helper some of these tools."""
    if not tools:
        return _Described
    offered: Any = (list[Literal[tuple(tools)]], ...)  # pyright: ignore[reportInvalidTypeForm]
    return create_model("Described", __base__=_Described, tools=offered)
