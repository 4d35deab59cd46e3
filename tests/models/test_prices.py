"""Prices known before a call, from LiteLLM's list: the highest, or none."""

from __future__ import annotations

import pytest

from agp.models.litellm_backend import LiteLLMBackend
from agp.models.types import ModelRequest, Price, Priced


def price(model: str, api_base: str | None = None) -> Price | None:
    backend = LiteLLMBackend()
    assert isinstance(backend, Priced)
    return backend.price(ModelRequest(model=model, messages=[], api_base=api_base))


def test_a_listed_model_has_its_highest_price() -> None:
    import litellm

    found = price("gpt-4o-mini")
    assert found is not None
    listed = litellm.model_cost["gpt-4o-mini"]
    assert found.input_usd >= listed["input_cost_per_token"] > 0
    assert found.output_usd >= listed["output_cost_per_token"] > 0


def test_a_price_that_rises_with_the_length_counts_at_its_highest() -> None:
    import litellm

    listed = litellm.model_cost["gemini/gemini-2.5-pro"]
    found = price("gemini/gemini-2.5-pro")
    assert found is not None
    assert found.input_usd >= listed["input_cost_per_token_above_200k_tokens"]


def test_the_embedded_model_is_free() -> None:
    assert price("embedded") == Price(0.0, 0.0)


@pytest.mark.parametrize("model", ["openai/nobody-knows-it", "dall-e-3", "whisper-1"])
def test_what_is_not_listed_by_the_token_is_unknown(model: str) -> None:
    assert price(model) is None


def test_a_server_of_ones_own_has_no_list_price() -> None:
    assert price("openai/gpt-4o-mini", "http://localhost:8080/v1") is None
