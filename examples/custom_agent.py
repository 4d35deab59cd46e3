"""An agent of your own: a prompt and a policy. This one asks three times and takes the majority.

    python examples/custom_agent.py --model embedded

The files it writes, `agents/voter/AGENT.md` and `policy.py`, are what you would put into your
own project; `agp run voter "..."` runs it from the command line.
"""

import argparse
import tempfile
from pathlib import Path

import agp

MANIFEST = """---
description: Asks three times and answers what was said most often.
policy:
  votes: 3
---
Answer with one word.
"""
POLICY = """
from collections import Counter

from agp import AgentRun, Answer


class Policy:
    def __init__(self, votes: int = 3) -> None:
        self.votes = votes

    async def run(self, run: AgentRun) -> Answer:
        replies = [
            # Each vote is a draw of its own, so that none is answered from another's cache.
            (await run.complete(run.messages(), temperature=0.8, draw=vote)).text.strip()
            for vote in range(self.votes)
        ]
        return Answer(text=Counter(replies).most_common(1)[0][0], steps=self.votes)
"""


def main() -> None:
    """Make a project with the agent and ask it something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="embedded")
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "agents" / "voter"
        home.mkdir(parents=True)
        (home / "AGENT.md").write_text(MANIFEST)
        (home / "policy.py").write_text(POLICY)
        with agp.Project(name, model=model) as project:
            answer = project.run("voter", "What is the capital of France?")
            print(answer.text, f"({answer.steps} votes)")


if __name__ == "__main__":
    main()
