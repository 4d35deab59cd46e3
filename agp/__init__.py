"""agp: self-evolving agents, the Autogenesis Protocol.

    import agp

    with agp.Project("my-project") as project:
        print(project.run("solver", "What is 12 * 12?").text)
        print(project.evolve("gsm8k", "solver", limit=40).conclusion)

Names are loaded when first used, so that importing agp costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agp.errors import AgpError
    from agp.evaluation.types import Benchmark, DataRequest, Sample, Score
    from agp.models.manager import ModelManager, RoleConfig
    from agp.project import Project
    from agp.rspl.entities import EntityType, Record, ResourceId
    from agp.rspl.view import View
    from agp.runtime import AgentRun, Answer, Task
    from agp.sepl.functions.optimize import aoptimize, optimize
    from agp.sepl.gate import Policy

_HOMES = {
    "AgpError": "agp.errors",
    "AgentRun": "agp.runtime",
    "Answer": "agp.runtime",
    "Benchmark": "agp.evaluation.types",
    "DataRequest": "agp.evaluation.types",
    "EntityType": "agp.rspl.entities",
    "ModelManager": "agp.models.manager",
    "Policy": "agp.sepl.gate",
    "Project": "agp.project",
    "Record": "agp.rspl.entities",
    "ResourceId": "agp.rspl.entities",
    "RoleConfig": "agp.models.manager",
    "Sample": "agp.evaluation.types",
    "Score": "agp.evaluation.types",
    "Task": "agp.runtime",
    "View": "agp.rspl.view",
    "aoptimize": "agp.sepl.functions.optimize",
    "optimize": "agp.sepl.functions.optimize",
}

__version__ = "0.4.0"

__all__ = [
    "AgentRun",
    "AgpError",
    "Answer",
    "Benchmark",
    "DataRequest",
    "EntityType",
    "ModelManager",
    "Policy",
    "Project",
    "Record",
    "ResourceId",
    "RoleConfig",
    "Sample",
    "Score",
    "Task",
    "View",
    "__version__",
    "aoptimize",
    "optimize",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'agp' has no attribute {name!r}")
