"""Running agents on views: what a policy is handed, its tools, and separate processes for code.

An agent's policy sees its task, its prompt and its tools through `AgentRun`, and nothing else:
never the right answer, the scorer or the store. Names are loaded when first used: who only wants a
`Task`, as a process that scores answers does, need not wait for all that runs agents.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agp.runtime.agent_run import AgentRun, Attempt
    from agp.runtime.toolbox import ToolBox, ToolResult
    from agp.runtime.types import Answer, Task

_HOMES = {
    "AgentRun": "agp.runtime.agent_run",
    "Answer": "agp.runtime.types",
    "Attempt": "agp.runtime.agent_run",
    "Task": "agp.runtime.types",
    "ToolBox": "agp.runtime.toolbox",
    "ToolResult": "agp.runtime.toolbox",
}

__all__ = ["AgentRun", "Answer", "Attempt", "Task", "ToolBox", "ToolResult"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'agp.runtime' has no attribute {name!r}")
