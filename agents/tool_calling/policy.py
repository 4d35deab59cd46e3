"""A loop of model calls and tool calls, until the model answers without a tool."""

from agp.runtime import AgentRun, Answer


class Policy:
    """Call the model, run the tools it asks for, show it the results, again.

    No tools are offered in the last step, nor after a step that only repeated earlier calls, so
    that the model must answer; answering in the last step is a success.

    Parameters: ``max_steps`` model calls at most; ``after_tools`` is said to the model behind the
    results of its calls (small models repeat a call rather than answer without such a word), empty
    for nothing; ``temperature`` 0 for greedy decoding; ``max_tokens`` the longest reply of one
    step.
    """

    def __init__(
        self,
        max_steps: int = 4,
        after_tools: str = "",
        temperature: float = 0.0,
        max_tokens: int = 512,
    ) -> None:
        if max_steps < 1:
            raise ValueError("max_steps must be at least 1")
        self.max_steps = max_steps
        self.after_tools = after_tools
        self.temperature = temperature
        self.max_tokens = max_tokens

    async def run(self, run: AgentRun) -> Answer:
        messages = run.messages()
        made: set[str] = set()
        stuck = False
        for step in range(1, self.max_steps + 1):
            answer_now = stuck or step == self.max_steps
            reply = await run.complete(
                messages,
                tools=[] if answer_now else run.tools.schemas,
                temperature=self.temperature,
                max_tokens=self.max_tokens,
            )
            if answer_now or not reply.tool_calls:
                return Answer.from_reply(reply, steps=step)
            calls = {f"{call.name} {call.arguments or call.raw}" for call in reply.tool_calls}
            stuck = calls <= made
            made |= calls
            messages += await run.tools.answer(reply)
            if self.after_tools:
                messages.append({"role": "user", "content": self.after_tools})
        raise AssertionError("unreachable: the last step returns")
