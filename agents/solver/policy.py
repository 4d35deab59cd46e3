"""One prompt, one call."""

from agp.runtime import AgentRun, Answer


class Policy:
    """Ask the model once.

    Parameters: ``temperature`` 0 for greedy decoding; ``max_tokens`` the longest reply.
    """

    def __init__(self, temperature: float = 0.0, max_tokens: int = 512) -> None:
        self.temperature = temperature
        self.max_tokens = max_tokens

    async def run(self, run: AgentRun) -> Answer:
        reply = await run.complete(
            run.messages(), temperature=self.temperature, max_tokens=self.max_tokens
        )
        return Answer.from_reply(reply)
