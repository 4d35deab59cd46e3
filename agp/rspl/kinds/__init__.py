"""What each entity type adds to the generic registry, one file a type.

`base.py` states what a kind answers: which parts are evolvable variables, what a record must
satisfy, which resources it depends on, how a live instance is built, what it exports. Nothing
else in RSPL may ask for a type by name.
"""

from agp.rspl.entities import EntityType
from agp.rspl.kinds.agent import AgentKind
from agp.rspl.kinds.base import Kind
from agp.rspl.kinds.environment import EnvironmentKind
from agp.rspl.kinds.memory import MemoryKind
from agp.rspl.kinds.prompt import PromptKind
from agp.rspl.kinds.tool import ToolKind

KINDS: dict[EntityType, Kind] = {
    EntityType.PROMPT: PromptKind(),
    EntityType.AGENT: AgentKind(),
    EntityType.TOOL: ToolKind(),
    EntityType.ENVIRONMENT: EnvironmentKind(),
    EntityType.MEMORY: MemoryKind(),
}

__all__ = ["KINDS", "Kind"]
