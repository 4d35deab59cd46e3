"""Agents: a policy in code, and its bindings to a prompt, tools, memory and an environment."""

from __future__ import annotations

from typing import Any

from agp.errors import ResourceError
from agp.rspl.entities import EntityType, JsonObject, Record, ResourceId, check_name
from agp.rspl.kinds.base import COMMON, Folder, Kind, Part, take
from agp.rspl.kinds.prompt import prompt_record
from agp.rspl.source import load_entry

_FRONT: JsonObject = {
    **COMMON,
    "model": "solver",
    "tools": [],
    "memory": "",
    "environment": "",
    "template": "{{input}}",
    "demonstrations": [],
    "policy": {},
}


class AgentKind(Kind):
    """An `AGENT.md` (front matter, system prompt) and a `policy.py` that defines `class Policy`.

    The folder declares two resources of one name: the agent, and the prompt it is bound to.
    """

    type = EntityType.AGENT
    folder = "agents"
    manifest = "AGENT.md"
    code_file = "policy.py"
    entry = "Policy"

    def from_folder(self, folder: Folder) -> list[Record]:
        """The agent and its prompt."""
        front = take(folder.front, _FRONT, folder.where)
        params: JsonObject = {
            "prompt": folder.name,
            "tools": front["tools"],
            "memory": front["memory"],
            "environment": front["environment"],
            "model": front["model"],
            "policy": front["policy"],
        }
        about = {**front, "description": f"System prompt of the agent {folder.name}."}
        return [prompt_record(folder, {**about, "tags": []}), self.record(folder, front, params)]

    def parts(self, record: Record) -> list[Part]:
        """The limits and settings of the policy, beside what every record has."""
        settings = Part(
            "params/policy", "json", "settings of the policy (limits, sampling)", learnable=False
        )
        return [*super().parts(record), settings]

    def validate(self, record: Record) -> None:
        """Bindings are names, and the policy can be built."""
        super().validate(record)
        tools = record.params.get("tools")
        if not isinstance(tools, list):
            raise ResourceError(f"{record.id}: 'tools' must be a list of tool names.")
        for rid in self.dependencies(record):
            check_name(rid.name)
        self.build(record)

    def dependencies(self, record: Record) -> list[ResourceId]:
        """Prompt, tools, memory, environment, in this order."""
        params = record.params
        bound = [ResourceId(EntityType.PROMPT, str(params["prompt"]))]
        bound += [ResourceId(EntityType.TOOL, str(name)) for name in params["tools"]]
        for type_ in (EntityType.MEMORY, EntityType.ENVIRONMENT):
            if name := params[type_.value]:
                bound.append(ResourceId(type_, str(name)))
        return bound

    def build(self, record: Record) -> Any:
        """The policy, constructed with its settings."""
        policy = load_entry(record.implementation, where=str(record.id))
        settings: JsonObject = record.params["policy"]
        try:
            return policy(**settings)
        except (TypeError, ValueError) as error:
            raise ResourceError(
                f"{record.id}: its policy does not take the settings {settings}: {error}"
            ) from error
