"""Embeddings of texts, through LiteLLM or from the embedded model.

A model string is LiteLLM's, as for chat: ``openai/text-embedding-3-small``,
``gemini/gemini-embedding-001``, ``ollama/nomic-embed-text``, or ``embedded``.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agp.errors import ModelError
from agp.models.failures import translate
from agp.models.litellm_backend import (
    LiteLLMBackend,
    _key_for,  # pyright: ignore[reportPrivateUsage]
)
from agp.models.names import EMBEDDED, canonical_model, provider_of
from agp.models.types import ModelRequest

Vectors = NDArray[np.float32]


class EmbeddingModel:
    """Turns texts into vectors of length 1.

    Parameters: ``model`` a model string; ``api_base`` an OpenAI-compatible server. What `embed`
    raises is ModelError, or TransientModelError where trying again may help.
    """

    def __init__(self, model: str, *, api_base: str | None = None) -> None:
        self.model = canonical_model(model)
        self.api_base = api_base

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (texts, dimensions), float32, each of length 1."""
        if provider_of(self.model) == EMBEDDED:
            embedding = importlib.import_module("agp.models.embedded.embedding")
            return _unit(embedding.embed(self.model, texts), self.model, len(texts))
        return _unit(self._hosted(texts), self.model, len(texts))

    def _hosted(self, texts: Sequence[str]) -> list[list[float]]:
        litellm = LiteLLMBackend()._ready()  # pyright: ignore[reportPrivateUsage]
        arguments: dict[str, Any] = {"model": self.model, "input": list(texts)}
        if self.api_base:
            arguments |= {"api_base": self.api_base, "api_key": _key_for(self.api_base)}
        try:
            response = litellm.embedding(**arguments)
        except Exception as error:
            request = ModelRequest(model=self.model, messages=[], api_base=self.api_base)
            raise translate(error, request, litellm) from error
        return [each["embedding"] for each in sorted(response.data, key=lambda each: each["index"])]


def _unit(vectors: Any, model: str, count: int) -> Vectors:
    """The vectors, checked and scaled to length 1; what is no vector at all stays zero."""
    try:
        matrix = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError):  # of different lengths, or no numbers
        matrix = np.empty(0, dtype=np.float32)
    if matrix.ndim != 2 or len(matrix) != count or not np.isfinite(matrix).all():
        raise ModelError(
            f"{model} did not give one vector of finite numbers for each of {count} texts.",
            hint="Is it an embedding model? Name another one.",
        )
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / np.where(length == 0, 1, length)).astype(np.float32)
