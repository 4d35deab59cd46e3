"""Provenance decides where code runs: a person's in this process, all other confined."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from agp.errors import InputError, ResourceError, ServerError, UntrustedError
from agp.rspl import trusted
from agp.rspl.builder import Builder
from agp.rspl.bundle import export_bundle, import_bundle
from agp.rspl.confined.functions import ConfinedFunction
from agp.rspl.discovery import discover, library_root
from agp.rspl.entities import EntityType, Implementation, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.actions import Function
from agp.rspl.lock import read_lock, write_lock
from agp.rspl.origins import code_of
from agp.rspl.registry import Registry
from agp.rspl.source import load_entry
from agp.store.database import Database
from agp.store.tables import OriginRow
from tests.support.untrusted import tool, unique

CODE = '''
def it(x: str) -> str:
    """It.

    Args:
        x: A text.
    """
    return x.upper()
'''
IT = ResourceId(EntityType.TOOL, "it")


def code(record: Record) -> str:
    found = code_of(record)
    assert found is not None
    return found


def origins(database: Database) -> dict[str, str]:
    with database.read() as session:
        return {row.code: row.origin for row in session.scalars(select(OriginRow))}


def fresh(history: History) -> History:
    """The same store as another process sees it: nothing is known of its code yet."""
    return History(history.database)


# -- the process ---------------------------------------------------------------------------


def test_nothing_is_trusted_before_somebody_says_so() -> None:
    record = tool("import os\nos.environ['AGP_TEST_LOADED'] = '1'\n" + CODE)
    with pytest.raises(UntrustedError, match="neither written nor approved") as refused:
        load_entry(record.implementation, where="tool/it")
    assert f"agp review show {record.implementation.digest[:12]}" in str(refused.value)
    assert "AGP_TEST_LOADED" not in os.environ
    trusted.allow(record.implementation.digest)
    assert callable(load_entry(record.implementation, where="tool/it"))
    trusted.revoke(record.implementation.digest)
    with pytest.raises(UntrustedError):
        load_entry(record.implementation, where="tool/it")
    os.environ.pop("AGP_TEST_LOADED")


def test_what_is_settled_for_one_resource_runs_as_no_other() -> None:
    record = tool(CODE)
    trusted.allow(code(record))
    trusted.settle(code(record), "tool/it", time.time() + 60)
    assert callable(load_entry(record.implementation, where="tool/it"))
    with pytest.raises(UntrustedError):
        load_entry(record.implementation, where="tool/other")
    assert not trusted.is_trusted(code(record))
    assert not trusted.is_lasting(code(record))
    trusted.settle(code(record), "tool/other", time.time() + 60)
    trusted.settle(code(record), "tool/it", None)
    assert trusted.is_trusted(code(record), "tool/other")
    assert not trusted.is_trusted(code(record), "tool/it")
    trusted.revoke(code(record))
    assert not trusted.is_trusted(code(record), "tool/other")


def test_settling_what_is_settled_keeps_what_was_built() -> None:
    record = tool(CODE)
    trusted.settle(code(record), "tool/it", time.time() + 60)
    builder = Builder()
    built = builder.of(record.digest, lambda _: record)
    trusted.settle(code(record), "tool/it", time.time() + 60)
    assert builder.of(record.digest, lambda _: record) is built
    trusted.settle(code(record), "tool/it", None)
    assert isinstance(builder.of(record.digest, lambda _: record), ConfinedFunction)


def test_shipped_code_is_not_settled() -> None:
    record = tool(CODE)
    trusted.ship(code(record))
    trusted.settle(code(record), "tool/it", None)
    assert trusted.is_trusted(code(record), "tool/other")
    trusted.revoke(code(record))


def test_trust_ends_at_its_time_and_what_was_built_is_built_anew() -> None:
    record = tool(CODE)
    builder = Builder()
    assert isinstance(builder.of(record.digest, lambda _: record), ConfinedFunction)
    trusted.allow(code(record), time.time() + 0.3)
    assert isinstance(builder.of(record.digest, lambda _: record), Function)
    time.sleep(0.35)
    assert not trusted.is_trusted(code(record))
    assert isinstance(builder.of(record.digest, lambda _: record), ConfinedFunction)


@pytest.mark.parametrize("change", ["kind", "entry", "files"])
def test_the_digest_is_of_kind_entry_and_files(change: str) -> None:
    one = Implementation(kind="source", entry="a.py:f", files={"a.py": "x"})
    other = {"kind": "import", "entry": "b.py:f", "files": {"a.py": "y"}}[change]
    assert one.digest == Implementation(**one.model_dump()).digest
    assert one.digest != Implementation(**{**one.model_dump(), change: other}).digest


def test_a_servers_command_line_is_code_and_a_prompt_has_none() -> None:
    def server(command: str) -> Record:
        implementation = Implementation(kind="mcp", entry="stdio")
        params = {"command": command}
        return Record(type=EntityType.TOOL, name="it", implementation=implementation, params=params)

    assert code(server("a")) != code(server("b"))
    shipped = discover([library_root()])
    prompt = shipped[ResourceId(EntityType.PROMPT, "solver")]
    assert code_of(prompt) is None


# -- who wrote it --------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["optimizer", "model", "import"])
def test_code_that_no_person_wrote_never_runs_in_the_process(
    history: History, tmp_path: Path, origin: Any
) -> None:
    mark = tmp_path / "mark"
    record = tool(f"open({str(mark)!r}, 'w').close()\n{CODE}")
    registry = Registry(history)
    assert registry.register(record, origin=origin) is not None
    assert origins(history.database) == {code(record): origin}
    assert isinstance(registry.get(IT), ConfinedFunction)
    with pytest.raises(InputError):
        registry.run(IT, {"x": "a"})  # the sandbox has no such file
    assert not mark.exists()


def test_confined_code_does_its_work(history: History) -> None:
    registry = Registry(history)
    registry.register(tool(CODE), origin="optimizer")
    assert registry.run(IT, {"x": "quiet"}).result == "QUIET"


def test_a_persons_code_runs_in_the_process_and_in_the_next(history: History) -> None:
    record = tool(CODE)
    Registry(history).register(record)
    assert origins(history.database) == {code(record): "person"}
    trusted.revoke(code(record))
    assert isinstance(Registry(fresh(history)).get(IT), Function)


def test_the_first_origin_stays_whatever_is_committed_later(history: History) -> None:
    record, mine = tool(CODE), tool(CODE)
    registry = Registry(history)
    registry.register(record, origin="optimizer")
    registry.update(mine)
    registry.update(record, message="the same code, as a person's")
    assert not trusted.is_trusted(code(record))
    assert isinstance(Registry(fresh(history)).get(IT), ConfinedFunction)
    registry.update(mine, origin="optimizer")
    assert trusted.is_trusted(code(mine))
    assert origins(history.database) == {code(record): "optimizer", code(mine): "person"}


def test_copies_merges_and_restores_keep_the_origin(history: History) -> None:
    registry = Registry(history)
    first, second = tool(CODE), tool(CODE)
    registry.register(first, origin="optimizer")
    registry.update(second)
    registry.restore(IT, "1.0.0")
    registry.copy(IT, "twin")
    registry.rollback(history.log()[0].id)
    assert origins(history.database) == {code(first): "optimizer", code(second): "person"}
    assert isinstance(Registry(fresh(history)).get(IT), ConfinedFunction)


def test_a_kept_candidate_cannot_be_laundered_by_a_later_commit(history: History) -> None:
    record = tool(CODE)
    history.keep([record])
    Registry(history).register(record)
    assert origins(history.database) == {code(record): "optimizer"}
    assert isinstance(Registry(fresh(history)).get(IT), ConfinedFunction)


def test_an_unknown_origin_is_refused_and_nothing_is_written(history: History) -> None:
    wrong: Any = "nobody"
    with pytest.raises(InputError, match="nobody"):
        Registry(history).register(tool(CODE), origin=wrong)
    assert history.branches() == {}
    assert origins(history.database) == {}


def test_what_is_rolled_back_leaves_no_origin(history: History) -> None:
    record = tool("def it(y: str) -> str:\n    return y\n")
    with pytest.raises(ResourceError, match="differ in the parameters x, y"):
        Registry(history).register(record, origin="optimizer")
    assert origins(history.database) == {}


@pytest.mark.parametrize("origin", ["optimizer", "model"])
def test_an_optimizer_cannot_name_a_module_of_this_machine(history: History, origin: Any) -> None:
    record = tool(CODE)
    implementation = Implementation(kind="import", entry="antigravity:geohash")
    record = record.model_copy(update={"implementation": implementation.model_dump()})
    assert "antigravity" not in sys.modules
    with pytest.raises(ResourceError, match="must be in the record"):
        Registry(history).register(record, origin=origin)
    Registry(history).register(record, origin="import")
    with pytest.raises(UntrustedError, match="is not imported"):
        Registry(history).run(IT, {"x": "a"})
    assert "antigravity" not in sys.modules


def test_a_server_that_no_person_wrote_is_not_started(history: History, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    record = Record(
        type=EntityType.TOOL,
        name="it",
        implementation=Implementation(kind="mcp", entry="stdio"),
        params={"command": "touch", "args": [str(mark)]},
    )
    registry = Registry(history)
    with pytest.raises(ServerError, match="not started") as refused:
        registry.register(record, origin="model")
    assert "agp review show" in str(refused.value)
    schema = {
        "oneOf": [
            {
                "description": "a",
                "properties": {"action": {"const": "a"}, "arguments": {"type": "object"}},
            }
        ]
    }
    registry.register(record.model_copy(update={"input_schema": schema}), origin="model")
    with pytest.raises(ServerError, match="not started"):
        registry.run(IT, {"action": "a", "arguments": {}})
    with pytest.raises(ServerError, match="not started"):
        registry.refresh(IT)
    assert not mark.exists()


# -- files, bundles, lock files ------------------------------------------------------------


def folder_of(root: Path, text: str) -> None:
    folder = root / "tools" / "it"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tool.py").write_text(text)


def test_a_folder_is_a_persons_unless_the_store_knows_better(
    history: History, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    text = unique(CODE)
    own, foreign = tmp_path / "own", tmp_path / "foreign"
    folder_of(own, text)
    registry = Registry(history)
    registry.init([own])
    assert isinstance(registry.get(IT), Function)
    bad = unique(f"open({str(mark)!r}, 'w').close()\n{CODE}")
    candidate = tool(CODE).model_copy(
        update={
            "implementation": {"kind": "source", "entry": "tool.py:it", "files": {"tool.py": bad}}
        }
    )
    history.keep([candidate], origin="model")
    folder_of(foreign, bad)
    other = Registry(fresh(history))
    other.init([foreign])
    assert isinstance(other.get(IT), ConfinedFunction)
    assert other.get_info(IT).input_schema == registry.get_info(IT).input_schema
    assert not mark.exists()


def test_the_shipped_library_is_trusted_whatever_a_store_says(history: History) -> None:
    shipped = discover([library_root()])
    calculator = shipped[ResourceId(EntityType.TOOL, "calculator")]
    history.keep([calculator], origin="import")
    registry = Registry(fresh(history))
    registry.init([library_root()])
    assert isinstance(registry.get(calculator.id), Function)


def test_what_a_bundle_brings_is_an_imports(history: History, tmp_path: Path) -> None:
    first, live = tool(CODE), tool(CODE)
    source = History(Database(tmp_path / "source.db"))
    registry = Registry(source)
    registry.register(first)
    registry.update(live)
    export_bundle(source, tmp_path / "bundle")
    import_bundle(history, tmp_path / "bundle")
    assert origins(history.database) == {code(first): "import", code(live): "import"}
    assert isinstance(Registry(fresh(history)).get(IT), ConfinedFunction)
    source.database.close()


def test_what_a_lock_file_brings_is_confined(history: History, tmp_path: Path) -> None:
    record = tool(CODE)
    source = History(Database(tmp_path / "source.db"))
    Registry(source).register(record)
    write_lock(source.view(), tmp_path / "lock.json", source)
    view, _ = read_lock(tmp_path / "lock.json", source)
    assert isinstance(Builder().get(view, IT), Function)
    view, _ = read_lock(tmp_path / "lock.json", history)
    assert isinstance(Builder().get(view, IT), ConfinedFunction)
    source.database.close()


def test_another_process_learns_it_from_the_store(tmp_path: Path) -> None:
    history = History(Database(tmp_path / "store.db"))
    registry = Registry(history)
    registry.register(tool(CODE, name="mine"))
    registry.register(tool(CODE, name="other"), origin="optimizer")
    history.database.close()
    program = (
        "import sys\n"
        "from agp.rspl.history import History\n"
        "from agp.rspl.registry import Registry\n"
        "from agp.store.database import Database\n"
        "registry = Registry(History(Database(sys.argv[1])))\n"
        "print(*(type(registry.get(f'tool/{name}')).__name__ for name in ('mine', 'other')))\n"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "store.db")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Function", "ConfinedFunction"]


def test_a_get_asks_the_store_for_no_origin(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(history)
    registry.register(tool(CODE))
    registry.get(IT)

    def asked(*_: object) -> None:
        raise AssertionError("the store was asked")

    monkeypatch.setattr("agp.rspl.origins._known", asked)
    first = registry.get(IT)
    assert registry.get(IT) is first


def test_code_can_be_learnt_but_not_what_cannot_be_confined() -> None:
    parts = {part.path: part for part in KINDS[EntityType.TOOL].parts(tool(CODE))}
    assert parts["implementation/files/tool.py"].learnable
    server = Record(
        type=EntityType.TOOL,
        name="it",
        implementation=Implementation(kind="mcp", entry="stdio", files={"server.py": "x"}),
        params={"command": "python", "args": ["server.py"]},
    )
    parts = {part.path: part for part in KINDS[EntityType.TOOL].parts(server)}
    assert not parts["implementation/files/server.py"].learnable
