"""``${env:NAME}``: stored as it is written, resolved where it is used, and never stored after."""

from __future__ import annotations

from pathlib import Path

import pytest

from agp.errors import MissingVariableError, ServerError
from agp.rspl.entities import EntityType, Implementation, Record
from agp.rspl.history import History
from agp.rspl.kinds.mcp.variables import fill
from agp.rspl.registry import Registry
from agp.secrets import redact, refer, references, resolve
from agp.store.database import Database

SECRET = "Zk8" + "qpL2vNw7RtYx4Bm"

CODE = '''
from agp.rspl.kinds.actions import Changed


class Memory:
    content = "items"

    def __init__(self, key="", items=None):
        self.key = key
        self.items = items or []

    def add(self, text: str):
        """Remember a text."""
        self.items.append(text)
        return Changed(f"with {len(self.key)}", {"key": self.key, "items": self.items})
'''


def memory(key: str) -> Record:
    from agp.rspl.kinds.actions import Action, schema_of_actions

    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    return Record(
        type=EntityType.MEMORY,
        name="keyed",
        input_schema=schema_of_actions([Action("add", "Remember a text.", schema)]),
        implementation=Implementation(
            kind="source", entry="memory.py:Memory", files={"memory.py": CODE}
        ),
        params={"key": key, "items": []},
    )


def test_they_are_resolved_at_any_depth_and_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN_NAME", SECRET)
    given = {"a": ["x ${env:PLAIN_NAME} y", 1], "b": "${PLAIN_NAME}"}
    assert resolve(given) == {"a": [f"x {SECRET} y", 1], "b": "${PLAIN_NAME}"}
    assert references(given) == {"PLAIN_NAME"}
    assert redact(f"it is {SECRET}") == "it is [secret:PLAIN_NAME]"
    assert refer(resolve(given), references(given)) == given


def test_a_missing_one_is_named() -> None:
    with pytest.raises(MissingVariableError, match="tool/x: the environment variable NOT_THERE"):
        resolve("${env:NOT_THERE}", "tool/x")


def test_a_server_may_write_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_TOKEN", SECRET)
    config = {"headers": {"a": "Bearer ${MCP_TOKEN}", "b": "${env:MCP_TOKEN}", "c": "${NO:-d}"}}
    import os

    filled = fill(config, os.environ, "server")
    assert filled["headers"] == {"a": f"Bearer {SECRET}", "b": SECRET, "c": "d"}
    with pytest.raises(ServerError, match="NOT_THERE"):
        fill("${env:NOT_THERE}", os.environ, "server")


def test_records_keep_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(tmp_path / "store.db")
    registry = Registry(History(database))
    monkeypatch.delenv("KEYED_SERVICE", raising=False)
    registry.register(memory("${env:KEYED_SERVICE}"))  # registered where the secret is not
    with pytest.raises(MissingVariableError, match="KEYED_SERVICE"):
        registry.get("memory/keyed")
    monkeypatch.setenv("KEYED_SERVICE", SECRET)
    assert registry.get("memory/keyed").key == SECRET
    done = registry.run("memory/keyed", {"action": "add", "arguments": {"text": "one"}})
    assert done.result == f"with {len(SECRET)}"
    record = registry.get_info("memory/keyed")
    assert record.params == {"key": "${env:KEYED_SERVICE}", "items": ["one"]}
    database.close()
    for path in tmp_path.iterdir():
        assert SECRET.encode() not in path.read_bytes()


def test_what_a_model_had_remembered_is_only_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEYED_SERVICE", SECRET)
    database = Database(tmp_path / "store.db")
    registry = Registry(History(database))
    registry.register(memory("plain"))
    given = {"action": "add", "arguments": {"text": "${env:KEYED_SERVICE}"}}
    registry.run("memory/keyed", given)
    assert registry.get("memory/keyed").items == ["${env:KEYED_SERVICE}"]
    without = CODE.replace('    content = "items"\n', "")
    body = {**memory("${env:KEYED_SERVICE}").body(), "name": "bare"}
    body["implementation"]["files"]["memory.py"] = without
    registry.register(Record.read(body))
    assert registry.get("memory/bare").key == "${env:KEYED_SERVICE}"
    database.close()
