"""Embeddings from the embedded model: the mean of its last layer over a text's tokens.

The model was trained to write, not to embed: it tells texts apart worse than a model made for
that, but needs no key and no server. It is loaded beside the one that generates (llama.cpp fixes
at loading what a model computes); both share the file's pages in memory.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Sequence
from typing import Any

from agp.models.embedded import weights
from agp.models.embedded.catalog import ModelCard, find_card
from agp.models.embedded.engine import import_llama_cpp, load

TOKENS = 256
"""What is longer is cut: on two cores a text of this length takes four seconds."""

_lock = threading.Lock()
_loaded: dict[ModelCard, Any] = {}


def embed(model: str, texts: Sequence[str]) -> list[list[float]]:
    """One vector a text, not normalised. Raises ModelError (no weights, no llama_cpp)."""
    with _lock:
        llm = _load(find_card(model))
        return [llm.embed(text or " ", truncate=True) for text in texts]


def close() -> None:
    """Free the memory; the next call loads the model again."""
    with _lock:
        for llm in _loaded.values():
            llm.close()
        _loaded.clear()


def _load(card: ModelCard) -> Any:
    if card not in _loaded:
        _loaded[card] = load(
            weights.locate(card),
            embedding=True,
            pooling_type=import_llama_cpp().LLAMA_POOLING_TYPE_MEAN,
            n_ctx=TOKENS,
            n_batch=TOKENS,
            n_ubatch=TOKENS,
        )
        atexit.register(close)
    return _loaded[card]
