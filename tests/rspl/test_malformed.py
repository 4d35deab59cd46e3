"""Records that are wrong: refused with resource, field and remedy, and harmless where they are."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.errors import AgpError, InputError, ResourceError
from agp.rspl.contract import contract_of
from agp.rspl.entities import EntityType, Implementation, Record, ResourceId, check_name
from agp.rspl.history import History
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.base import Folder
from agp.rspl.registry import Registry
from agp.rspl.view import View
from tests.rspl.helpers import BINDINGS, CODE, prompt, record, trust

FIELDS = ("prompt", "tools", "agents", "memory", "environment", "model", "policy")
SKILL_AND_PROMPT = ("system", "template", "demonstrations", "instructions", "timeout_s")
SERVER = ("command", "url", "args", "env", "headers", "cwd", "type", "timeout_s")
WRONG = (None, 5, True, [[]], [{}], [5], {"a": 1}, "Not A Name", ["../x"], "")


def agent(**params: Any) -> Record:
    return made(EntityType.AGENT, params={**BINDINGS, "agents": [], **params})


def made(type_: EntityType, **changes: Any) -> Record:
    return trust(Record.model_validate({**record(type_, "text").body(), **changes}))


def tool(code: str, **changes: Any) -> Record:
    implementation = {"kind": "source", "entry": "tool.py:it", "files": {"tool.py": code}}
    return made(EntityType.TOOL, **{"implementation": implementation, **changes})


def skill(files: dict[str, str] | None = None, **changes: Any) -> Record:
    texts = {"run.py": "print(1)"}
    front = {"description": "Does it."}
    (good,) = KINDS[EntityType.TOOL].from_folder(
        Folder("it", front, "Run it.", {}, "tools/it/SKILL.md", {"SKILL.md": "", **texts})
    )
    body = good.body()
    body["implementation"]["files"] = texts if files is None else files
    return Record.model_validate({**body, **changes})


def refused(wrong: Record, *told: str) -> None:
    """It cannot be registered, for a reason that names it."""
    with pytest.raises(ResourceError) as raised:
        KINDS[wrong.type].validate(wrong)
    for text in (str(wrong.id), *told):
        assert text in raised.value.message


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_an_agent_with_a_wrong_field_is_refused_by_its_name(field: str, value: object) -> None:
    fits = [("memory", ""), ("environment", ""), ("model", "Not A Name"), ("policy", {"a": 1})]
    wrong = agent(**{field: value})
    if (field, value) in fits:
        KINDS[EntityType.AGENT].dependencies(wrong)
        return
    refused(wrong, f"params.{field}")
    with pytest.raises(ResourceError, match=f"agent/it.*params.{field}"):
        KINDS[EntityType.AGENT].dependencies(wrong)


@pytest.mark.parametrize("field", [field for field in FIELDS if field != "agents"])
def test_an_agent_without_a_field_is_refused_by_its_name(field: str) -> None:
    params = {key: value for key, value in BINDINGS.items() if key != field}
    refused(made(EntityType.AGENT, params=params), f"params.{field}")


@pytest.mark.parametrize("field", ["tools", "agents"])
def test_an_agent_that_names_something_twice_is_refused(field: str) -> None:
    refused(agent(**{field: ["one", "two", "one"]}), f"params.{field}", "'one'")


@pytest.mark.parametrize("type_", EntityType)
@pytest.mark.parametrize("entry", ["", ":", "os", "a:b:c", "os:system", "no.such:Thing", "os.:x"])
def test_an_entry_that_names_no_code_of_the_type_is_refused(type_: EntityType, entry: str) -> None:
    refused(made(type_, implementation={"kind": "import", "entry": entry}))


def test_a_prompt_is_nothing_but_a_prompt() -> None:
    other = Implementation(kind="import", entry="tests.rspl.helpers:prompt")
    refused(prompt(implementation=other), "implementation")
    refused(prompt(params={**prompt().params, "more": 1}), "more")


@pytest.mark.parametrize("kind", ["skill", "mcp"])
@pytest.mark.parametrize("type_", [t for t in EntityType if t is not EntityType.TOOL])
def test_only_tools_are_skills_and_servers(type_: EntityType, kind: str) -> None:
    refused(made(type_, implementation={"kind": kind, "entry": "SKILL.md"}), "implementation")


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": 5},
        {"oneOf": 5},
        {"oneOf": [{}]},
        {"oneOf": [{"properties": {}}]},
        {"oneOf": [{"description": "", "properties": {"action": {"const": 1}, "arguments": {}}}]},
        {"oneOf": [{"description": "", "properties": {"action": {}, "arguments": []}}]},
    ],
    ids=str,
)
def test_a_skill_says_what_its_files_give(schema: dict[str, Any]) -> None:
    KINDS[EntityType.TOOL].validate(skill())
    wrong = skill(input_schema=schema)
    refused(wrong, "input_schema")
    with pytest.raises(ResourceError):
        KINDS[EntityType.TOOL].exports(wrong)
    more = skill(files={"run.py": "", "other.py": ""})
    refused(more, "input_schema")


@pytest.mark.parametrize("schema", [{"type": 5}, {"properties": [1]}, {"required": 3}], ids=str)
def test_an_input_schema_is_a_json_schema(schema: dict[str, Any]) -> None:
    refused(made(EntityType.TOOL, input_schema=schema), "input_schema")


@pytest.mark.parametrize(
    "name",
    [
        *("../evil.py", "/tmp/evil.py", "a/../../evil.py", "a/./b", "a//b", "a/", ".", ""),
        *("x" * 300 + ".py", "é" * 200, "a/" * 600 + "b", "a\\b.py", "a\x00.py", "a\nb"),
    ],
)
def test_files_that_cannot_be_laid_out_are_refused(name: str) -> None:
    refused(skill(files={name: "text"}), repr(name[:80]))


def test_a_file_is_no_folder() -> None:
    refused(skill(files={"a": "text", "a/b": "text"}), "'a' is a file and a folder")


@pytest.mark.parametrize("timeout_s", [0, -1, True, "5", None, 1e300])
def test_a_skill_ends_some_time(timeout_s: object) -> None:
    refused(skill(params={"instructions": "Run it.", "timeout_s": timeout_s}), "timeout_s")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"url": "http://["}, "url"),
        ({"url": "http://${HOST}[", "headers": {"x": "y"}}, "url"),
        ({"url": "http://x", "headers": None, "args": 5}, "args"),
        ({"url": "http://x", "timeout_s": True}, "timeout_s"),
        ({"command": None}, "command"),
        ({"command": "x", "env": {"A": 5}}, "env.A"),
        ({"command": "x", "args": [[]]}, "args.0"),
    ],
)
def test_a_server_with_a_wrong_field_is_refused(params: dict[str, Any], field: str) -> None:
    server = {"kind": "mcp", "entry": "stdio"}
    refused(made(EntityType.TOOL, implementation=server, params=params), field)


@pytest.mark.parametrize(
    "code",
    [
        "class End(BaseException): pass\nraise End()",
        "import sys\nsys.exit(3)",
        "raise GeneratorExit",
        "x = 1\x00",
        "x = " + "(" * 5000 + ")" * 5000,
        "def it(x):\n    'It.'",
        "def it(x: '1/0'):\n    'It.'",
        "def it(x: 'a b'):\n    'It.'",
        "def it(x: object()):\n    'It.'",
        "it = 5",
        "it = print",
    ],
)
def test_code_that_fails_in_any_way_is_refused(code: str) -> None:
    refused(tool(code))


def test_types_that_no_schema_describes_are_refused_from_files() -> None:
    code = {"tool.py": "from typing import Callable\ndef it(x: Callable) -> str:\n    'It.'\n"}
    with pytest.raises(ResourceError, match="cannot be described"):
        KINDS[EntityType.TOOL].from_folder(Folder("it", {}, "", code, "tools/it"))


@pytest.mark.parametrize("module", ["raise KeyboardInterrupt", "def it(): raise KeyboardInterrupt"])
def test_the_user_can_stop_code_that_is_loaded(module: str) -> None:
    if module.startswith("def"):
        code = "class Memory:\n    def __init__(self):\n        raise KeyboardInterrupt\n"
        files = {"kind": "source", "entry": "memory.py:Memory", "files": {"memory.py": code}}
        stopped = made(EntityType.MEMORY, implementation=files)
    else:
        stopped = tool(module)
    with pytest.raises(KeyboardInterrupt):
        KINDS[stopped.type].validate(stopped)


@pytest.mark.parametrize("error", ["KeyError(1)", "AttributeError('x')", "SystemExit()"])
@pytest.mark.parametrize("type_", [EntityType.AGENT, EntityType.MEMORY, EntityType.ENVIRONMENT])
def test_a_class_that_fails_when_it_is_built_is_refused(type_: EntityType, error: str) -> None:
    entry, _ = CODE[type_]
    file, _, name = entry.partition(":")
    code = f"class {name}:\n    def __init__(self, **given):\n        raise {error}\n"
    files = {"kind": "source", "entry": entry, "files": {file: code}}
    refused(made(type_, implementation=files), error.partition("(")[0])


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["", "it", "${X}", "http://["]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["oneOf", "type", "properties", "action", "const", "arguments", "description", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
PARAMS = st.dictionaries(
    st.sampled_from((*FIELDS, *SKILL_AND_PROMPT, *SERVER)),
    JSON,
)


@given(
    st.sampled_from(EntityType),
    st.sampled_from(["import", "source", "skill", "mcp"]),
    st.booleans(),
    PARAMS,
    st.dictionaries(st.sampled_from(["oneOf", "type", "properties", "required", "$ref"]), JSON),
)
def test_whatever_a_record_holds_the_errors_are_typed_and_the_contract_is_written(
    type_: EntityType, kind: str, coded: bool, params: dict[str, Any], schema: dict[str, Any]
) -> None:
    entry, code = CODE.get(type_, ("SKILL.md", ""))
    file = entry.partition(":")[0]
    implementation = {"kind": kind, "entry": entry, "files": {file: code} if coded else {}}
    odd = made(type_, implementation=implementation, params=params, input_schema=schema)
    it = KINDS[type_]
    for operation in (it.validate, it.dependencies, it.build, it.actions, it.exports, it.parts):
        with contextlib.suppress(AgpError):
            operation(odd)
    other = prompt("other")
    records = {each.digest: each for each in (odd, other)}
    view = View({each.id: each.digest for each in records.values()}, records.__getitem__)
    assert "### `other`" in contract_of(view).text


@pytest.mark.parametrize("wrong", [[1, 2], "text", None, 5, {1: 2}])
@pytest.mark.parametrize("type_", EntityType)
async def test_input_that_is_no_object_is_told_in_words(type_: EntityType, wrong: Any) -> None:
    class Runner:
        async def run(self, *_: object) -> str:
            raise AssertionError("it must not come here")

    from agp.rspl.kinds.agent import AgentRunner

    it = agent() if type_ is EntityType.AGENT else record(type_, "text")
    kind = KINDS[type_]
    with pytest.raises(ValueError, match="must be a JSON object"):
        await kind.run(it, kind.build(it), wrong, {AgentRunner: Runner()})


@pytest.mark.parametrize("name", ["con", "nul", "aux", "prn", "com1", "lpt9", "con.txt", "aux.b"])
def test_names_that_windows_keeps_for_devices_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="Windows"):
        check_name(name)


@pytest.mark.parametrize("name", ["console", "my-con", "a.con", "com", "com12", "nul-x", "auxin"])
def test_names_that_only_look_like_a_device_are_fine(name: str) -> None:
    assert check_name(name) == name


def test_a_malformed_record_in_a_store_is_refused_where_it_is_kept(history: History) -> None:
    registry = Registry(history)
    registry.register(prompt())
    with pytest.raises(ResourceError, match=r"agent/it.*params\.prompt") as raised:
        registry.register(made(EntityType.AGENT, params={}))
    assert raised.value.hint
    assert registry.list() == [ResourceId(EntityType.PROMPT, "it")]
