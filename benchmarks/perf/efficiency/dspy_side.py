"""DSPy's MIPROv2 and BootstrapFewShot on the task of keywords.py; runs in the peers' environment.

The program is one ``dspy.Predict`` per component, whose instruction is the component's text. A
scripted language model answers it, and plays the one that MIPROv2 asks for instructions: each
instruction comes from the same proposer as everybody's. MIPROv2 shows its model examples, no
feedback on failures; as if those said as much, the proposer is given the feedback that the first
texts get on three training samples, and these executions are not counted (a gift to MIPROv2).
It runs with its defaults, minibatches included; their size of 35 is more than the validation
samples here, so it is a third of those. ``mipro_v2_zero_shot`` changes instructions only.

Demonstrations have an effect of their own here: a text that shows a solved sample teaches a
quarter of each unit that this sample needs, unless the words are there (see keywords.py).
"""

from __future__ import annotations

import copy
import logging
import math
import os
import random
import re
import warnings
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("DSPY_CACHEDIR", os.devnull)
warnings.simplefilter("ignore")

import dspy  # noqa: E402
from keywords import DEMO, Keywords, Meter, Proposer, Sample  # noqa: E402

FIELD = re.compile(r"\[\[ ## (\w+) ## \]\]")
BASIC = re.compile(r"\[\[ ## basic_instruction ## \]\]\n(.*?)\n\n", re.DOTALL)
SHOWN = 3  # training samples whose feedback a proposal of MIPROv2 is given


class ScriptedModel(dspy.BaseLM):
    """Answers any request in the format that DSPy asks for."""

    def __init__(self, task: Keywords, seed: int) -> None:
        super().__init__(model="scripted", cache=False)
        self.task = task
        self.proposer = Proposer(task, seed)
        self.rng = random.Random(seed)

    def forward(
        self, prompt: str | None = None, messages: list[dict[str, Any]] | None = None, **_: Any
    ) -> Any:
        """One reply: every field that is asked for, one of them perhaps an instruction."""
        asked = str((messages or [{"content": prompt}])[-1]["content"])
        wanted = FIELD.findall(asked[asked.rindex("Respond with") :])
        text = "\n\n".join(
            f"[[ ## {name} ## ]]\n{self._field(name, asked)}"
            for name in wanted
            if name != "completed"
        )
        message = SimpleNamespace(content=text + "\n\n[[ ## completed ## ]]", tool_calls=None)
        return SimpleNamespace(
            choices=[SimpleNamespace(message=message, finish_reason="stop")],
            usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            model="scripted",
        )

    def _field(self, name: str, asked: str) -> str:
        if name != "proposed_instruction":
            return "done"
        found = BASIC.search(asked)
        assert found is not None, asked
        texts = dict(self.task.start)
        component = next(each for each, text in texts.items() if text == found[1].strip())
        samples = self.rng.sample(self.task.train, SHOWN)
        told = [self.task.run(texts, sample).feedback for sample in samples]
        return self.proposer.propose(texts, told, [component]).get(component, texts[component])


class Program(dspy.Module):
    """One predictor per component; the outcome of the whole is that of the task."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self.shared = [meter]
        self.parts = [
            dspy.Predict(dspy.Signature("sample -> answer", text))
            for text in meter.task.start.values()
        ]

    def forward(self, sample: str) -> dspy.Prediction:
        """One execution, which is one call."""
        for part in self.parts:
            part(sample=sample)
        meter = self.shared[0]
        found = next(each for each in [*meter.task.train, *meter.task.val] if each.id == sample)
        outcome = meter.run(texts_of(self), found)
        return dspy.Prediction(answer="done", score=outcome.score)

    def __deepcopy__(self, memo: dict[int, Any]) -> Program:
        """Copies share the meter."""
        memo[id(self.shared)] = self.shared
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        for name, value in self.__dict__.items():
            setattr(new, name, copy.deepcopy(value, memo))
        return new


def texts_of(program: Program) -> dict[str, str]:
    """A program as a candidate of the task: instructions, and demonstrations as lines."""
    names = program.shared[0].task.names
    return {
        name: "\n".join(
            [part.signature.instructions, *(f"{DEMO}{demo['sample']}" for demo in part.demos)]
        )
        for name, part in zip(names, program.parts, strict=True)
    }


def examples(samples: list[Sample]) -> list[Any]:
    """Samples as DSPy takes them."""
    return [dspy.Example(sample=each.id, answer="done").with_inputs("sample") for each in samples]


def score(example: Any, prediction: Any, trace: Any = None) -> float:
    """The metric."""
    return prediction.score


def search(optimizer: str, task: Keywords, seed: int, budget: int) -> tuple[Meter, dict[str, str]]:
    """One run: what was executed, and whom DSPy returns."""
    logging.disable(logging.CRITICAL)
    meter = Meter(task)
    program = Program(meter)
    train, val = examples(task.train), examples(task.val)
    with dspy.context(lm=ScriptedModel(task, seed), disable_history=True):
        if optimizer == "bootstrap_few_shot":
            best = dspy.BootstrapFewShot(metric=score).compile(program, trainset=train)
        else:
            best = mipro(program, train, val, seed, budget, optimizer == "mipro_v2_zero_shot")
    return meter, texts_of(best)


def mipro(
    program: Program, train: list[Any], val: list[Any], seed: int, budget: int, zero_shot: bool
) -> Program:
    """MIPROv2 with as much of everything as the budget allows."""
    size = len(val) // 3
    candidates, trials = plan(budget, len(val), size, len(program.parts), zero_shot)
    demos = {"max_bootstrapped_demos": 0, "max_labeled_demos": 0} if zero_shot else {}
    teleprompter = dspy.MIPROv2(
        metric=score, auto=None, num_candidates=candidates, num_threads=1, seed=seed + 1, **demos
    )
    return teleprompter.compile(
        program, trainset=train, valset=val, num_trials=trials, minibatch_size=size
    )


def plan(budget: int, val: int, size: int, components: int, zero_shot: bool) -> tuple[int, int]:
    """Candidates per predictor and trials that a budget allows.

    As many candidates as have the number of trials that MIPROv2 recommends for them (its error
    message says how many), three at least, which is the least that it can do anything with.
    """
    variables = components if zero_shot else 2 * components
    best = (3, 1)
    for candidates in range(3, 40):
        demos = 4 * (candidates - 2)  # executions that make the sets of demonstrations, at most
        # every fifth trial, the first and the last are followed by a full evaluation
        trials = int((budget - demos - 2 * val) / (size + val / 5))
        wanted = int(max(2 * variables * math.log2(candidates), 1.5 * candidates))
        if candidates == 3 or trials >= wanted:
            best = (candidates, max(1, trials))
    return best
