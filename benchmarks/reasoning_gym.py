"""Reasoning Gym: over a hundred families of verifiable tasks, generated from a seed.

    python benchmarks/reasoning_gym.py --task count_bits --seed 7 --limit 12
    agp bench run reasoning_gym:count_bits

Data: none; the installed package generates it (pip install 'autogenesis-agp[benchmarks]').
A sample is what (task, seed, index) gives in the package. Neighbouring seeds overlap there: most
tasks draw from ``seed + index``, so take seeds further apart than the number of samples.

An answer is scored by the task's own ``score_answer``, which may give part of the credit. Scorers
whose source can evaluate text (eval, sympy) never run in this process but in a limited one of
their own, about 1.5 s each; that is no security boundary (see ``agp.processes``).
"""

import ast
import importlib
import inspect
import json
import re
import secrets
import sys
from pathlib import Path
from typing import Any

from agp.canonical import digest
from agp.errors import DataError, NotFoundError
from agp.evaluation.answers import boxed, tagged
from agp.evaluation.types import Benchmark, DataRequest, Sample, Score
from agp.processes import Limits, run_python
from agp.runtime.types import Task

FORM = "Give the final answer between <answer> and </answer>."
SIZE = 500  # the package's own default; some tasks draw differently for another size
MAX_ANSWER_CHARS = 20_000
TWIN_STRIDE = 50_000  # between the data of one seed and those of the next
TWIN_SEEDS = 10
EVALUATING = frozenset({"eval", "exec", "compile", "sympy", "parse_expr", "Fraction", "pickle"})
SCORER_LIMITS = Limits(wall_s=30, cpu_s=20, memory_mb=4096)
SCORER = """
import json
import reasoning_gym

with open("given.json", encoding="utf-8") as stream:
    given = json.load(stream)
data = reasoning_gym.create_dataset(given["task"], seed=given["seed"], size=given["size"])
value = data.score_answer(given["answer"], data[given["index"]])
print("\\n" + given["nonce"] + json.dumps(float(value)))
"""


class ReasoningGym(Benchmark):
    """One task family of the reasoning-gym package.

    Parameters: ``task`` as the package names it. Raises NotFoundError with near names, DataError
    without the package.
    """

    name = "reasoning_gym"
    description = "Reasoning Gym: any of its generated task families, as reasoning_gym:TASK"
    generated = True

    def __init__(self, task: str) -> None:
        self.library = library()
        known = set(importlib.import_module("reasoning_gym.factory").DATASETS) - {"composite"}
        if task not in known:
            raise NotFoundError("reasoning-gym task", task, known)
        self.task = task
        self.name = f"reasoning_gym:{task}"
        self.datasets: dict[tuple[int, int], Any] = {}

    def load(self, request: DataRequest) -> list[Sample]:
        """``request.limit`` samples (500 if it is None) generated from ``request.seed``."""
        if request.path is not None:
            raise DataError(f"{self.name} generates its data: --data does not apply.")
        count = SIZE if request.limit is None else request.limit
        size = max(SIZE, count)
        return [self._sample(request.seed, size, index) for index in range(count)]

    def twin(self, sample: Sample, seed: int) -> Sample | None:
        """A fresh sample of the same task; one that asks for something else, as often as hard."""
        given = sample.metadata
        fresh = given["seed"] + TWIN_STRIDE + seed % TWIN_SEEDS * given["size"]
        return self._sample(fresh, given["size"], given["index"])

    def _sample(self, seed: int, size: int, index: int) -> Sample:
        entry = self._dataset(seed, size)[index]
        question = str(entry["question"]).strip()
        given = f"{question}\n\n{FORM}"
        target = "" if entry["answer"] is None else str(entry["answer"])
        return Sample(
            id=f"{self.task}/{seed}/{index}",
            task=Task(input=given, fields={"input": given, "question": question}),
            target=target,
            metadata={"seed": seed, "size": size, "index": index},
        )

    def _dataset(self, seed: int, size: int) -> Any:
        if (seed, size) not in self.datasets:
            self.datasets[seed, size] = self.library.create_dataset(self.task, seed=seed, size=size)
        return self.datasets[seed, size]

    async def score(self, sample: Sample, text: str) -> Score:
        """The task's own score of the tag's content, else the last box, else the last line."""
        answer = final_answer(text)
        if not answer:
            return Score(value=0, feedback=f"No answer was given. {FORM}")
        if len(answer) > MAX_ANSWER_CHARS:
            return Score(value=0, answer=answer[:200], feedback="The answer is far too long.")
        if evaluates(type(self._dataset(sample.metadata["seed"], sample.metadata["size"]))):
            value, problem = await self._score_apart(sample, answer)
        else:
            value, problem = self._score_here(sample, answer)
        if value >= 1:
            return Score(value=1, answer=answer)
        wrong = f"The answer {answer[:200]!r} is " + ("only partly right." if value else "wrong.")
        return Score(value=max(0.0, value), answer=answer, feedback=f"{wrong} {problem}".strip())

    def _score_here(self, sample: Sample, answer: str) -> tuple[float, str]:
        data = self._dataset(sample.metadata["seed"], sample.metadata["size"])
        try:
            return float(data.score_answer(answer, data[sample.metadata["index"]])), ""
        except Exception as error:  # what a scorer cannot read is a wrong answer
            return 0.0, f"It could not be read: {type(error).__name__}."

    async def _score_apart(self, sample: Sample, answer: str) -> tuple[float, str]:
        nonce = secrets.token_hex(16)
        given = {**sample.metadata, "task": self.task, "answer": answer, "nonce": nonce}
        files = {"given.json": json.dumps(given)}
        result = await run_python(SCORER, files=files, limits=SCORER_LIMITS)
        _, found, rest = result.stdout.rpartition("\n" + nonce)
        if not found or result.outcome != "ok":
            return 0.0, f"Its scorer did not finish ({result.outcome}, {result.exit_code})."
        return float(json.loads(rest)), ""

    @property
    def scorer_digest(self) -> str:
        """Covers this file, the shared scoring code and the package's version of the task."""
        kind = importlib.import_module("reasoning_gym.factory").DATASETS[self.task][0]
        source = [inspect.getsource(inspect.getmodule(base) or base) for base in bases_of(kind)]
        return digest([super().scorer_digest, self.task, *source])


def library() -> Any:
    """The reasoning-gym package. Raises DataError with the way to install it."""
    here = Path(__file__).resolve().parent
    path = sys.path
    # Run as a script, this file's folder comes first and this file bears the package's name.
    sys.path = [entry for entry in path if Path(entry or ".").resolve() != here]
    try:
        return importlib.import_module("reasoning_gym")
    except ImportError as error:
        raise DataError(
            f"The reasoning-gym package cannot be imported: {error}.",
            hint="Install it: pip install 'autogenesis-agp[benchmarks]'.",
        ) from error
    finally:
        sys.path = path


def bases_of(kind: type) -> list[type]:
    """The classes of the package that ``kind`` is made of."""
    return [base for base in kind.__mro__ if base.__module__.startswith("reasoning_gym.")]


def evaluates(kind: type) -> bool:
    """Whether the source of a task's scorer names anything that can evaluate text.

    Its whole module is looked at, so a generator that does is enough.
    """
    owner = next(base for base in bases_of(kind) if "score_answer" in vars(base))
    names: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(inspect.getmodule(owner) or owner))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names.add(name)
            case ast.Import(names=imported):
                names.update(part for alias in imported for part in alias.name.split("."))
            case ast.ImportFrom(module=module, names=imported):
                names.update((module or "").split("."), (alias.name for alias in imported))
            case _:
                pass
    return bool(names & EVALUATING)


def final_answer(text: str) -> str:
    """What the tag holds, else the last box, else the last line without "Answer:" and bold."""
    stated = tagged(text)
    if stated is None:
        stated = boxed(text)
    if stated is not None:
        return stated
    lines = [line.strip() for line in text.strip().splitlines() if line.strip("`*_ \t")]
    if not lines:
        return ""
    line = re.sub(
        r"^[\s*#_]*(?:the )?(?:final )?answer(?: is)?\s*[*_]*:?\s*", "", lines[-1], flags=re.I
    )
    return line.strip("*` ")


if __name__ == "__main__":
    from agp.cli.bench import main

    main(ReasoningGym)
