"""The LiteLLM backend against a real HTTP server in this process, and its translated errors."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from agp.errors import ModelError, TransientModelError
from agp.models.litellm_backend import LiteLLMBackend, is_local
from agp.models.types import Completion, ModelRequest

ASK = [{"role": "user", "content": "hi"}]


class Server:
    """An OpenAI-compatible server that answers with ``status`` and ``reply``."""

    def __init__(self) -> None:
        self.status: int = 200
        self.reply: dict[str, Any] = {}
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                outer.bodies.append(json.loads(self.rfile.read(length)))
                outer.keys.append(self.headers["Authorization"])
                data = json.dumps(outer.reply).encode()
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None: ...

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def says(self, message: dict[str, Any], finish: str = "stop", **usage: Any) -> None:
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
        counts = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9, **usage}
        self.reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "served"}
        self.reply |= {"choices": [choice], "usage": counts}

    def fails(self, status: int, message: str) -> None:
        self.status, self.reply = status, {"error": {"message": message, "code": str(status)}}


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


async def ask(server: Server, **fields: Any) -> Completion:
    fields = {"model": "openai/house-model", "messages": ASK, "api_base": server.base, **fields}
    backend = LiteLLMBackend()
    try:
        return await backend.complete(ModelRequest(**fields))
    finally:
        await backend.aclose()


async def test_a_local_server_needs_no_key_and_never_sees_a_real_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-the-real-one")
    server.says({"content": "hello"})
    completion = await ask(server, seed=5, stop=["END"], max_tokens=33)
    assert (completion.text, completion.finish_reason) == ("hello", "stop")
    assert (completion.usage.input_tokens, completion.usage.output_tokens) == (7, 2)
    assert "sk-the-real-one" not in str(server.keys)
    body = server.bodies[0]
    assert (body["model"], body["seed"], body["stop"]) == ("house-model", 5, ["END"])
    assert set(body) <= {"model", "messages", "temperature", "max_tokens", "seed", "stop"}


async def test_a_servers_own_key_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGP_API_KEY", "house-key")
    server.says({"content": "hello"})
    await ask(server)
    assert server.keys == ["Bearer house-key"]


async def test_the_price_of_an_unknown_model_is_unknown(server: Server) -> None:
    server.says({"content": "hello"})
    assert (await ask(server)).usage.cost_usd is None


async def test_the_providers_own_figure_wins(server: Server) -> None:
    server.says({"content": "hello"}, cost=0.0125)
    assert (await ask(server, model="openai/gpt-4o-mini")).usage.cost_usd == 0.0125


async def test_a_listed_price_is_used(server: Server) -> None:
    server.says({"content": "hello"})
    assert (await ask(server, model="openai/gpt-4o-mini")).usage.cost_usd == pytest.approx(
        7 * 0.15e-6 + 2 * 0.6e-6
    )


@pytest.mark.parametrize(
    ("written", "arguments"),
    [('{"code": "1"}', {"code": "1"}), ("", {}), ('{"code": ', None), ("[1]", None)],
)
async def test_tool_calls(server: Server, written: str, arguments: Any) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "python", "arguments": written}}
    server.says({"content": None, "tool_calls": [call]}, "tool_calls")
    tool = {"type": "function", "function": {"name": "python", "parameters": {"type": "object"}}}
    completion = await ask(server, tools=[tool])
    assert completion.finish_reason == "tool_calls"
    assert [(c.id, c.name, c.arguments, c.raw) for c in completion.tool_calls] == [
        ("c1", "python", arguments, written)
    ]
    assert server.bodies[0]["tools"] == [tool]


async def test_a_cut_reply_says_so(server: Server) -> None:
    server.says({"content": "half"}, "length")
    assert (await ask(server)).finish_reason == "length"


async def test_a_reply_schema_becomes_a_response_format(server: Server) -> None:
    server.says({"content": "{}"})
    schema = {"type": "object", "properties": {}}
    await ask(server, reply_schema=schema)
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == schema


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_what_may_pass_is_transient(server: Server, status: int) -> None:
    server.fails(status, "busy")
    with pytest.raises(TransientModelError):
        await ask(server)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("status", "message", "told"),
    [
        (400, "bad parameter", "bad parameter"),
        (401, "wrong key", "rejected the key"),
        (404, "no such model", "does not have"),
        (429, "insufficient_quota: exceeded your current quota", "no credit"),
    ],
)
async def test_what_will_not_pass_is_final(
    server: Server, status: int, message: str, told: str
) -> None:
    server.fails(status, message)
    with pytest.raises(ModelError, match=told) as caught:
        await ask(server)
    assert not isinstance(caught.value, TransientModelError)


async def test_a_server_that_is_down_is_named() -> None:
    base = "http://127.0.0.1:9/v1"
    with pytest.raises(TransientModelError) as caught:
        await LiteLLMBackend().complete(ModelRequest(model="openai/x", messages=ASK, api_base=base))
    assert base in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("gpt-4o-mini", "OPENAI_API_KEY"),
        ("anthropic/claude-3-5-haiku-20241022", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.0-flash", "GEMINI_API_KEY"),
    ],
)
async def test_a_missing_key_names_its_variable(
    model: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelError) as caught:
        await LiteLLMBackend().complete(ModelRequest(model=model, messages=ASK))
    assert not isinstance(caught.value, TransientModelError)
    assert variable in (caught.value.hint or "")


@pytest.mark.parametrize("model", ["nonsense", "nope/x"])
async def test_an_unknown_provider_explains_model_strings(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError) as caught:
        await LiteLLMBackend().complete(ModelRequest(model=model, messages=ASK))
    assert "provider/name" in (caught.value.hint or "")
    assert "litellm" not in (capsys.readouterr().out).lower()


async def test_an_unknown_embedded_model_suggests_the_known() -> None:
    with pytest.raises(Exception, match=r"qwen2\.5-coder-1\.5b"):
        await LiteLLMBackend().complete(ModelRequest(model="embedded/qwen2.5-code", messages=ASK))


def test_nothing_heavy_is_imported_before_the_first_call() -> None:
    code = (
        "import sys, agp.models.manager, agp.models.litellm_backend, agp.cli.models\n"
        "heavy = {'litellm', 'llama_cpp', 'huggingface_hub', 'openai'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("base", "local"),
    [
        ("http://localhost:11434/v1", True),
        ("127.0.0.1:8080", True),
        ("http://[::1]:80", True),
        ("http://192.168.1.5/v1", True),
        ("http://gpu.local/v1", True),
        ("https://api.openai.com/v1", False),
        ("https://localhost.evil.com", False),
        ("http://8.8.8.8", False),
    ],
)
def test_local_addresses(base: str, local: bool) -> None:
    assert is_local(base) is local
