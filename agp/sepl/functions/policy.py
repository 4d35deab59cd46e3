"""The policy of an agent whose texts a function scores: it answers nothing by itself."""

from __future__ import annotations

from agp.errors import ResourceError
from agp.runtime import AgentRun, Answer


class ScoredByFunction:
    """Stands for the user's function, which no store holds."""

    async def run(self, run: AgentRun) -> Answer:
        """Raises ResourceError: only `agp.optimize` runs it."""
        raise ResourceError(
            "This agent is texts that a function of a program scores.",
            hint="Read its texts with: agp show; score them with agp.optimize in that program.",
        )
