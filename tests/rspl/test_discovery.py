"""From files to records: skills, servers, links, and what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agp.errors import ResourceError
from agp.rspl.discovery import discover
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.kinds.base import function_name
from agp.rspl.paths import get_path, set_path

SKILL = "---\nname: it\ndescription: It.\n---\nDo it.\n"
TOOL = 'def {}(x: str) -> str:\n    """It."""\n    return x\n'


def write(root: Path, **files: str | bytes) -> Path:
    """Write files, by path, under ``root``."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return root


def tool(name: str) -> ResourceId:
    return ResourceId(EntityType.TOOL, name)


def servers(**configs: Any) -> str:
    return json.dumps({"mcpServers": configs})


def test_hidden_files_and_caches_are_no_part_of_a_skill(tmp_path: Path) -> None:
    files = {
        "tools/it/SKILL.md": SKILL,
        "tools/it/assets/a/b.txt": "b",
        "tools/it/.git/config": "x",
        "tools/it/.DS_Store": b"\xff\x00",
        "tools/it/scripts/__pycache__/a.pyc": b"\xff\x00",
    }
    record = discover([write(tmp_path, **files)])[tool("it")]
    assert set(record.implementation.files) == {"assets/a/b.txt"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"tools/it/SKILL.md": SKILL, "tools/it/a.bin": b"\xff\xfe"}, "a.bin: not UTF-8 text"),
        ({"tools/it/SKILL.md": SKILL, "tools/it/a.txt": b"a\x00b"}, "a.txt: not UTF-8.*byte 1"),
        ({"tools/it/SKILL.md": SKILL, "tools/it/a.txt": "x" * 1_000_001}, "a.txt: larger than"),
        ({"tools/it/SKILL.md": SKILL.replace("it", "that", 1)}, "'name' is 'that', the folder"),
        ({"tools/it/SKILL.md": "---\nname: it\n---\nDo."}, "SKILL.md: field 'description' is mis"),
        ({"tools/it/SKILL.md": SKILL.replace("Do it.", "")}, "no instructions"),
        ({"tools/it/SKILL.md": SKILL.replace("It.", "It: or: not")}, "line 3: the front matter"),
        ({"tools/іt/SKILL.md": SKILL}, "is not a resource name"),  # a Cyrillic і
        ({"tools/it/README.md": "x"}, "no TOOL.md or tool.py or SKILL.md or mcp.json"),
        ({"tools/mcp.json": "{"}, "mcp.json, line 1: not JSON"),
        ({"tools/mcp.json": "[]"}, "field 'mcpServers'"),
        ({"tools/mcp.json": servers(it=3)}, "server 'it' must be an object"),
        ({"tools/mcp.json": servers(it={})}, "either a field 'command' or a field 'url'"),
        ({"tools/mcp.json": servers(it={"command": "x", "url": "http://a"})}, "either"),
        ({"tools/mcp.json": servers(it={"command": "x", "agrs": []})}, "unknown field 'agrs'"),
        ({"tools/mcp.json": servers(it={"command": "x", "args": "y"})}, "'args' must be a list"),
        (
            {"tools/mcp.json": servers(it={"command": "x", "args": [1]})},
            "field args.0 must be text",
        ),
        ({"tools/mcp.json": servers(it={"command": "x", "cwd": "sub"})}, "absolute path"),
        ({"tools/mcp.json": servers(it={"command": "x", "timeout_s": 0})}, "timeout_s"),
        ({"tools/mcp.json": servers(it={"url": "ftp://a"})}, "http://"),
        ({"tools/mcp.json": servers(it={"url": "http://a", "type": "sse"})}, "'type' cannot be"),
        ({"tools/mcp.json": servers(**{"../it": {"command": "x"}})}, "is not a resource name"),
        ({"tools/mcp.json": servers(it={"command": "x"}), "tools/it/SKILL.md": SKILL}, "is also"),
        ({"tools/it/mcp.json": servers(other={"command": "x"})}, "one server, called 'it'"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, files: dict[str, Any], said: str
) -> None:
    with pytest.raises(ResourceError, match=said):
        discover([write(tmp_path, **files)])


@pytest.mark.parametrize(
    "config",
    [
        {"command": "x", "env": {"OPENAI_API_KEY": "sk-1"}},
        {"url": "https://a/mcp", "headers": {"Authorization": "Bearer abc"}},
        {"url": "https://me:pass@a/mcp"},
        {"url": "https://a/mcp?token=abc"},
    ],
)
def test_a_secret_that_is_written_out_is_refused(tmp_path: Path, config: dict[str, Any]) -> None:
    with pytest.raises(ResourceError, match=r"secret that is written out.*\n.*\$\{"):
        discover([write(tmp_path, **{"tools/mcp.json": servers(it=config)})])


def test_servers_are_records_as_written(tmp_path: Path) -> None:
    config = {"command": "x", "env": {"API_KEY": "${MY_KEY}", "MAX_TOKENS": "5"}}
    block = servers(
        one={**config, "description": "One."}, two={"url": "http://a", "disabled": True}
    )
    found = discover([write(tmp_path, **{"tools/mcp.json": block})])
    assert set(found) == {tool("one")}
    assert found[tool("one")].params == config
    assert found[tool("one")].description == "One."


@pytest.mark.parametrize("target", ["outside.py", "folder"])
def test_links_out_of_the_folder_are_refused(tmp_path: Path, target: str) -> None:
    write(tmp_path, **{"tools/it/SKILL.md": SKILL, "outside.py": "x", "folder/a.py": "x"})
    (tmp_path / "tools" / "it" / "link.py").symlink_to(tmp_path / target)
    with pytest.raises(ResourceError, match="link.py: a link to a"):
        discover([tmp_path])


def test_a_function_is_no_link_either(tmp_path: Path) -> None:
    write(tmp_path, **{"elsewhere.py": TOOL.format("it"), "tools/it/TOOL.md": ""})
    (tmp_path / "tools" / "it" / "tool.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(ResourceError, match="outside its folder"):
        discover([tmp_path])


def test_earlier_roots_win_whatever_the_sort_of_tool(tmp_path: Path) -> None:
    block = servers(it={"command": "mine"}, both={"command": "mine"})
    first = write(tmp_path / "a", **{"tools/mcp.json": block})
    later = {"tools/it/SKILL.md": SKILL, "tools/mcp.json": servers(both={"command": "theirs"})}
    second = write(tmp_path / "b", **later)
    found = discover([first, second])
    assert found[tool("it")].params == found[tool("both")].params == {"command": "mine"}
    assert discover([second, first])[tool("it")].implementation.kind == "skill"


def test_extending_takes_over_the_code(tmp_path: Path) -> None:
    files = {"tools/base/tool.py": TOOL.format("base") + TOOL.format("mine")}
    files["tools/mine/TOOL.md"] = "---\nextends: base\ndescription: Mine.\n---\n"
    record = discover([write(tmp_path, **files)])[tool("mine")]
    assert (record.description, record.implementation.entry) == ("Mine.", "tool.py:mine")


def test_paths_reach_files_in_folders() -> None:
    body = {"files": {"a/b.py": 1, "a": {"b": 2}}, "x": 3}
    assert get_path(body, "files/a/b.py") == 1
    assert get_path(body, "files/a/b") == 2
    assert set_path(body, "files/a/b.py", 9) == {**body, "files": {"a/b.py": 9, "a": {"b": 2}}}
    with pytest.raises(KeyError):
        get_path(body, "files/c")


def test_function_names_are_what_providers_accept() -> None:
    assert function_name("calculator", "calculator") == "calculator"
    assert function_name("my.server", "a/b.c") == "my_server__a_b_c"
    long = [function_name("s" * 60, f"tool_{n}") for n in range(2)]
    assert len(set(long)) == 2
    assert all(len(name) <= 64 for name in long)
