"""Function objectives for which a model proposes: the prompts that ask are there."""

from __future__ import annotations

import json
from typing import Any

import pytest

import agp
from agp.models.scripted import ScriptedBackend
from agp.models.types import ModelRequest
from agp.sepl.gate import Policy, Rule
from tests.support.echo import causes, is_reflect, rewrite
from tests.support.proposing import critique, is_loss

WORDS = ["alpha", "beta", "gamma"]


def metric(texts: dict[str, str], example: str) -> dict[str, Any]:
    right = example.split()[1] in texts["text"]
    return {"score": float(right), "output": texts["text"], "feedback": f"say {example.split()[1]}"}


def script(request: ModelRequest) -> str:
    if is_loss(request):
        return critique()
    if is_reflect(request):
        return causes()
    return rewrite(request, "Say alpha, beta, gamma.")


@pytest.mark.parametrize("optimizer", ["reflection", "textgrad", "reinforce_pp", "grpo"])
def test_a_model_proposes_for_a_function(optimizer: str) -> None:
    backend = ScriptedBackend(script)
    report = agp.optimize(
        "Say something.",
        metric,
        train=[f"{number} {word}" for number in range(5) for word in WORDS],
        proposer="scripted/model",
        backends={"scripted": backend},
        optimizer=optimizer,
        rounds=1,
        gate=Policy(rule=Rule.NON_DEGRADING),
    )
    assert report.best == {"text": "Say alpha, beta, gamma."}
    shown = json.dumps([request.messages for request in backend.requests])
    assert "Say something." in shown
    assert any(f"say {word}" in shown for word in WORDS)
