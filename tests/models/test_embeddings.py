"""Embeddings: through LiteLLM from a real local server, and from the embedded model."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from agp.errors import ModelError
from agp.models.embedded import weights
from agp.models.embedded.catalog import DEFAULT
from agp.models.embeddings import EmbeddingModel

Reply = Callable[[list[str]], list[Any]]


@pytest.fixture
def serve() -> Iterator[Callable[[Reply], str]]:
    """Starts an OpenAI-compatible server that embeds with a function; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(reply: Reply) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                vectors = reply(asked["input"])
                data = [{"index": n, "embedding": v} for n, v in enumerate(vectors)]
                usage = {"prompt_tokens": 1, "total_tokens": 1}
                # Providers may answer in any order: the index says which is which.
                body = json.dumps({"data": data[::-1], "model": "m", "usage": usage}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_vectors_come_in_the_order_of_the_texts_with_length_1(
    serve: Callable[[Reply], str],
) -> None:
    address = serve(lambda texts: [[float(len(text)), 0.0, 3.0] for text in texts])
    vectors = EmbeddingModel("openai/m", api_base=address).embed(["abcd", ""])
    assert vectors.dtype == np.float32
    assert np.allclose(vectors, [[0.8, 0.0, 0.6], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize("reply", [[[1.0]], [[1.0], [float("nan")]], [[1.0], [1.0, 2.0]]])
def test_what_is_no_vector_for_each_text_is_an_error(
    serve: Callable[[Reply], str], reply: list[Any]
) -> None:
    address = serve(lambda texts: reply)
    with pytest.raises(ModelError):
        EmbeddingModel("openai/m", api_base=address).embed(["a", "b"])


def test_a_server_that_is_down_is_named() -> None:
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:1"):
        EmbeddingModel("openai/m", api_base="http://127.0.0.1:1/v1").embed(["a"])


@pytest.mark.model
def test_the_embedded_model_tells_near_from_far() -> None:
    pytest.importorskip("llama_cpp")
    try:
        weights.locate(DEFAULT)
    except ModelError as error:
        pytest.skip(error.message)
    texts = ["reads a CSV file", "loads a CSV table", "plays a song on the piano"]
    vectors = EmbeddingModel("embedded").embed(texts)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
