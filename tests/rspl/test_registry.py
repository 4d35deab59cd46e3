"""The operators of the registry, and discovery from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from agp.errors import InputError, NotFoundError, ResourceError
from agp.rspl.discovery import library_root
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.history import History
from agp.rspl.registry import Registry

from .helpers import prompt, record

SOLVER = ResourceId.parse("agent/solver")
SOLVER_PROMPT = ResourceId.parse("prompt/solver")


def test_the_library_has_all_five_types_and_all_can_be_built(registry: Registry) -> None:
    assert {rid.type for rid in registry.list()} == set(EntityType)
    for rid in registry.list():
        assert registry.get(rid) is registry.get(rid)


def test_init_again_is_no_commit(registry: Registry) -> None:
    assert registry.init([library_root()]) is None
    assert len(registry.history.log()) == 1


def test_a_commit_is_hot_swapped_and_old_views_keep_what_they_had(registry: Registry) -> None:
    before = registry.view()
    registry.set_variables(SOLVER_PROMPT, {"params/system": "New."})
    assert registry.get(SOLVER_PROMPT).system == "New."
    assert registry.builder.get(before, SOLVER_PROMPT).system != "New."


def test_variables_are_listed_and_only_those_can_be_set(registry: Registry) -> None:
    variables = registry.get_variables(ResourceId.parse("tool/calculator"))
    assert "def calculator" in variables["implementation/files/tool.py"]
    with pytest.raises(NotFoundError, match="params/sistem"):
        registry.set_variables(SOLVER_PROMPT, {"params/sistem": "x"})
    with pytest.raises(ResourceError, match="line 1"):
        broken = {"implementation/files/policy.py": "class Policy("}
        registry.set_variables(SOLVER, broken)
    assert len(registry.history.log()) == 1


def test_copy_makes_an_independent_resource(registry: Registry) -> None:
    registry.copy(SOLVER_PROMPT, "mine")
    mine = ResourceId(EntityType.PROMPT, "mine")
    registry.set_variables(mine, {"params/system": "Mine."})
    assert registry.get(SOLVER_PROMPT).system != "Mine."
    with pytest.raises(InputError, match="exists already"):
        registry.copy(SOLVER_PROMPT, "mine")


def test_what_others_need_cannot_be_unregistered(registry: Registry) -> None:
    with pytest.raises(ResourceError, match="agent/solver uses it"):
        registry.unregister(SOLVER_PROMPT)
    registry.unregister(SOLVER)
    registry.unregister(SOLVER_PROMPT)
    assert SOLVER_PROMPT not in registry.list()
    assert registry.history.versions(SOLVER_PROMPT)[0][0] == "1.0.0"
    registry.restore(SOLVER_PROMPT, "1.0.0")
    assert SOLVER_PROMPT in registry.list()


def test_unknown_names_suggest_near_ones(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="Did you mean .*solver") as caught:
        registry.get(ResourceId(EntityType.AGENT, "slover"))
    assert "solver" in caught.value.near
    with pytest.raises(NotFoundError, match="9.9.9"):
        registry.restore(SOLVER_PROMPT, "9.9.9")
    with pytest.raises(InputError, match="2 resources"):
        registry.view().find("solver")


def test_cycles_and_missing_bindings_are_refused(registry: Registry) -> None:
    agent = record(EntityType.AGENT, "a", name="lost")
    with pytest.raises(ResourceError, match="prompt/it, which does not exist"):
        registry.register(agent)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "Solver", "sоlver", "a b", "x" * 101, "a..b"])
def test_bad_names_are_refused(registry: Registry, name: str) -> None:
    with pytest.raises(InputError, match="not a resource name"):
        registry.register(prompt(name))


@pytest.mark.parametrize("text", ["\ud800", "x" * 20_001])
def test_bad_texts_are_refused_and_nothing_is_written(registry: Registry, text: str) -> None:
    with pytest.raises(InputError):
        registry.set_variables(SOLVER_PROMPT, {"params/system": text})
    assert len(registry.history.log()) == 1


def test_nan_has_no_place_in_a_record(registry: Registry) -> None:
    with pytest.raises(InputError, match="canonical"):
        registry.register(prompt("odd", metadata={"x": float("nan")}))


def _write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_file_change_is_the_next_version_and_evolution_survives_no_change(
    history: History, tmp_path: Path
) -> None:
    registry = Registry(history)
    roots = [tmp_path / "mine", library_root()]
    _write(roots[0], "prompts/mine/PROMPT.md", "Original.")
    rid = ResourceId(EntityType.PROMPT, "mine")
    registry.init(roots)
    registry.set_variables(rid, {"params/system": "Evolved."})
    assert registry.init(roots) is None
    assert registry.get(rid).system == "Evolved."
    _write(roots[0], "prompts/mine/PROMPT.md", "Rewritten by a person.")
    registry.init(roots)
    assert registry.get(rid).system == "Rewritten by a person."
    assert [v for v, _ in history.versions(rid)] == ["1.0.0", "1.0.1", "1.0.2"]


def test_a_users_resource_wins_over_the_library_and_may_extend_it(
    history: History, tmp_path: Path
) -> None:
    manifest = "---\nextends: tool_calling\ntools: [calculator]\n---\nCalculate."
    _write(tmp_path, "agents/mine/AGENT.md", manifest)
    _write(tmp_path, "agents/solver/AGENT.md", "---\nextends: tool_calling\n---\nMy own solver.")
    registry = Registry(history)
    registry.init([tmp_path, library_root()])
    assert registry.get(SOLVER_PROMPT).system == "My own solver."
    assert type(registry.get(ResourceId(EntityType.AGENT, "mine"))).__name__ == "Policy"


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("agents/a/AGENT.md", "---\ntools: [x\n---\nHi", r"AGENT.md, line \d: .* not YAML"),
        ("agents/a/AGENT.md", "---\ntool: x\n---\nHi", "unknown field 'tool'"),
        ("agents/a/AGENT.md", "---\ntools: x\n---\nHi", "'tools' must be a list"),
        ("agents/a/AGENT.md", "---\ndescription: x\nHi", "never closed"),
        ("agents/a/AGENT.md", "---\nextends: solvr\n---\nHi", "solvr"),
        ("agents/a/AGENT.md", "Hi", "needs a file policy.py"),
        ("agents/a/notes.txt", "Hi", "no AGENT.md or policy.py"),
        ("agents/a/policy.py", "class Other: pass", "defines no 'Policy'"),
        ("agents/a/policy.py", "\n\nimport nothing_like_this", "policy.py, line 3"),
        ("agents/a/policy.py", "class Policy:\n  def f(:", "policy.py, line 2"),
        ("tools/t/tool.py", "def t(x): '''Doc.'''", "'x' has no type"),
        ("tools/t/tool.py", "def t(x: int) -> int: return x", "no docstring"),
        ("tools/t/tool.py", "def u(x: int) -> int: return x", "defines no 't'"),
        ("tools/t/tool.py", "t = 5", "no function"),
        ("tools/t/tool.py", "def t(x: 'Nope') -> int:\n  'Doc.'", "type in the signature"),
        ("tools/t/tool.py", "def t(_x: int) -> int:\n  'Doc.'", "cannot be described"),
        ("tools/t/tool.py", "import sys; sys.exit()", "SystemExit"),
        ("agents/a/AGENT.md", "---\nextends: a\n---\nHi", "'a'"),
        ("prompts/p/PROMPT.md", "---\nmetadata: {protected: [5]}\n---\nHi", "list of texts"),
        ("prompts/p/PROMPT.md", "---\ndemonstrations: [1]\n---\nHi", "list of {input, output}"),
        ("prompts/Bad Name/PROMPT.md", "Hi", "not a resource name"),
    ],
)
def test_malformed_files_are_named_with_line_and_field(
    history: History, tmp_path: Path, path: str, text: str, message: str
) -> None:
    _write(tmp_path, path, text)
    with pytest.raises(ResourceError, match=message) as caught:
        Registry(history).init([tmp_path, library_root()])
    assert path.split("/")[1] in str(caught.value)
    assert history.branches() == {}


def test_what_a_file_said_is_remembered_even_when_nothing_had_to_move(
    history: History, tmp_path: Path
) -> None:
    registry = Registry(history)
    roots = [tmp_path, library_root()]
    rid = ResourceId(EntityType.PROMPT, "mine")
    _write(tmp_path, "prompts/mine/PROMPT.md", "A")
    registry.init(roots)
    registry.set_variables(rid, {"params/system": "B"})
    _write(tmp_path, "prompts/mine/PROMPT.md", "B")  # a person adopts what evolved
    assert registry.init(roots) is None
    registry.set_variables(rid, {"params/system": "C"})
    assert registry.init(roots) is None
    assert registry.get(rid).system == "C"


def test_a_branch_sees_files_that_changed_since_it_forked(history: History, tmp_path: Path) -> None:
    registry = Registry(history)
    roots = [tmp_path, library_root()]
    rid = ResourceId(EntityType.PROMPT, "mine")
    _write(tmp_path, "prompts/mine/PROMPT.md", "A")
    first = registry.init(roots)
    assert first is not None
    _write(tmp_path, "prompts/mine/PROMPT.md", "B")
    registry.init(roots)
    history.create_branch("old", at=first.id)
    old = Registry(history, branch="old")
    assert old.get(rid).system == "A"
    old.init(roots)
    assert old.get(rid).system == "B"
