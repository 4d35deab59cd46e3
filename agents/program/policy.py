"""One call; if the reply is a program, it is run and its output is the answer."""

from agp.evaluation.answers import code_block
from agp.runtime import AgentRun, Answer


class Policy:
    """Ask the model; run the Python program in its reply, if there is one, with the python tool.

    Parameters: ``repairs`` how often a program that fails is shown its error and written again;
    ``temperature`` 0 for greedy decoding; ``max_tokens`` the longest reply.
    """

    def __init__(self, repairs: int = 1, temperature: float = 0.0, max_tokens: int = 512) -> None:
        self.repairs = repairs
        self.temperature = temperature
        self.max_tokens = max_tokens

    async def run(self, run: AgentRun) -> Answer:
        messages = run.messages()
        for step in range(1, self.repairs + 2):
            reply = await run.complete(
                messages, temperature=self.temperature, max_tokens=self.max_tokens
            )
            code = code_block(reply.text) if "```" in reply.text else None
            if not code:
                return Answer.from_reply(reply, steps=step)
            result = await run.tools.call("python", {"code": code})
            if not result.failed:
                return Answer(text=result.text, steps=step)
            messages += [
                {"role": "assistant", "content": reply.text},
                {"role": "user", "content": f"{result.text}\n\nCorrect the program."},
            ]
        return Answer(text="", ended="failed", steps=self.repairs + 1, detail=result.text)
