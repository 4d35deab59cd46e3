"""Running agents on views: what a policy is handed, its tools, and separate processes for code.

An agent's policy sees its task, its prompt and its tools through `AgentRun`, and nothing else:
never the right answer, the scorer or the store.
"""

from agp.runtime.agent_run import AgentRun, Attempt
from agp.runtime.toolbox import ToolBox, ToolResult
from agp.runtime.types import Answer, Task

__all__ = ["AgentRun", "Answer", "Attempt", "Task", "ToolBox", "ToolResult"]
