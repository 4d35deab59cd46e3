"""A benchmark with a known best prompt, and a scripted model that obeys prompts."""

from __future__ import annotations

import json
import re

from agp.evaluation.types import Benchmark, DataRequest, Sample, Score
from agp.models.types import ModelRequest
from agp.runtime.types import Task


class Echo(Benchmark):
    """Say the number of the task. ``size`` samples, all different."""

    name = "echo"
    description = "Say the number"
    agent = "solver"
    refinable = True

    def __init__(self, size: int = 60) -> None:
        self.size = size

    def load(self, request: DataRequest) -> list[Sample]:
        return [
            Sample(id=f"echo/{n}", task=Task(input=f"Say the number {n}."), target=str(n))
            for n in range(self.size)
        ]

    async def score(self, sample: Sample, text: str) -> Score:
        right = text == sample.target
        return Score(value=float(right), answer=text, feedback="" if right else "another number")


def number_in(request: ModelRequest) -> int:
    """The number that the task of a request asks for."""
    users = [m["content"] for m in request.messages if m["role"] == "user"]
    found = re.search(r"Say the number (\d+)", users[0])
    assert found
    return int(found[1])


def system_of(request: ModelRequest) -> str:
    """The system prompt of a request."""
    return request.messages[0]["content"] if request.messages[0]["role"] == "system" else ""


def is_operator(request: ModelRequest) -> bool:
    """Whether a request comes from the reflector."""
    return request.reply_schema is not None


def offered(request: ModelRequest) -> list[str]:
    """The changes that a Select request offers."""
    change = (request.reply_schema or {})["properties"]["change"]
    return change["enum"] if "enum" in change else [change["const"]]


def is_reflect(request: ModelRequest) -> bool:
    """Whether a request is Reflect's."""
    return "causes" in (request.reply_schema or {}).get("properties", {})


def causes(*texts: str) -> str:
    """A reply to Reflect."""
    return json.dumps({"causes": list(texts or ["It does not think."])})


def rewrite(request: ModelRequest, text: str) -> str:
    """A reply to Select that rewrites the system prompt, or else what is still on offer."""
    rewrites = [change for change in offered(request) if change.startswith("rewrite")]
    change = next((c for c in rewrites if c.endswith("params/system")), offered(request)[0])
    return json.dumps({"change": change, "text": text})
