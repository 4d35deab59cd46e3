"""Skills: read, listed and run, from the record alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agp.errors import ResourceError
from agp.rspl.discovery import discover, library_root
from agp.rspl.entities import EntityType, Record, ResourceId
from agp.rspl.history import History
from agp.rspl.kinds import KINDS
from agp.rspl.registry import Registry

KIND = KINDS[EntityType.TOOL]
GREET = ResourceId(EntityType.TOOL, "greet")
FILES = {
    "SKILL.md": "---\nname: greet\ndescription: Greets people.\nlicense: MIT\n"
    "allowed-tools: Read\nmetadata:\n  since: 2024-01-01\ntimeout_s: 2\n---\nGreet politely.\n",
    "scripts/greet.py": "import sys, words\n"
    "print(words.HELLO, *sys.argv[1:], sys.stdin.read(), open('references/a.md').read())",
    "scripts/words.py": "HELLO = 'Hello'",
    "scripts/bad.py": "import sys\nprint('so far')\nsys.exit('bad luck')",
    "scripts/slow.py": "import time\nprint('begun', flush=True)\ntime.sleep(60)",
    "scripts/say.sh": 'echo "sh $1"; cat',
    "references/a.md": "about",
    "references/deep/b.md": "x" * 30_000,
}


@pytest.fixture
def skill(tmp_path: Path) -> Record:
    """The record of a skill whose folder is gone."""
    folder = tmp_path / "tools" / "greet"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    record = discover([tmp_path])[GREET]
    for name in FILES:
        (folder / name).unlink()
    return record


async def call(record: Record, action: str, **arguments: Any) -> Any:
    given = {"action": action, "arguments": arguments}
    return (await KIND.run(record, KIND.build(record), given, {})).result


def test_the_record_holds_the_whole_folder(skill: Record) -> None:
    assert skill.description == "Greets people."
    assert skill.metadata == {
        "license": "MIT", "allowed-tools": "Read", "metadata": {"since": "2024-01-01"}
    }  # fmt: skip
    assert set(skill.implementation.files) == set(FILES) - {"SKILL.md"}
    first, _, run = KIND.exports(skill)
    assert first["function"]["name"] == "greet__read"
    assert first["function"]["description"].startswith("Greets people.")
    scripts = run["function"]["parameters"]["properties"]["script"]["enum"]
    assert "scripts/say.sh" in scripts
    assert "references/a.md" not in scripts


async def test_reading(skill: Record) -> None:
    assert (await call(skill, "read")).strip() == "Greet politely."
    assert await call(skill, "read", path="./references/a.md") == "about"
    piece = await call(skill, "read", path="references/deep/b.md")
    assert piece.endswith("[10000 more characters: go on with offset=20000]")
    assert await call(skill, "read", path="references/deep/b.md", offset=20_000) == "x" * 10_000
    assert set(await call(skill, "list_files")) == set(FILES)


async def test_scripts_get_arguments_input_and_the_skills_files(skill: Record) -> None:
    ran = await call(
        skill, "run", script="scripts/greet.py", arguments=["Ann B", "$HOME"], stdin="in"
    )
    assert ran == "Hello Ann B $HOME in about\n"
    assert await call(skill, "run", script="scripts/say.sh", arguments=["a b"], stdin="in") == (
        "sh a b\nin"
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("scripts/bad.py", "so far\nbad luck\nIt ended with exit code 1."),
        ("scripts/slow.py", "begun\nStopped: it ran longer than 2 seconds."),
    ],
)
async def test_a_script_that_fails_is_told_in_words(skill: Record, script: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        await call(skill, "run", script=script)
    assert str(caught.value) == said


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "scripts/../../x", "", "\x00"])
@pytest.mark.parametrize(("action", "field"), [("read", "path"), ("run", "script")])
async def test_no_path_leaves_the_skill(skill: Record, action: str, field: str, path: str) -> None:
    with pytest.raises(ValueError, match="there is no file"):
        await call(skill, action, **{field: path})


@pytest.mark.parametrize(
    ("action", "arguments", "said"),
    [
        ("run", {"script": "references/a.md"}, "is no script"),
        ("run", {"script": "scripts/bad.py", "arguments": "x"}, "valid list"),
        ("run", {"script": "scripts/bad.py", "arguments": ["\x00"]}, "NUL"),
        ("read", {"offset": 9_999}, "offset"),
        ("write", {}, "the actions are: read, list_files, run"),
    ],
)
async def test_wrong_calls_are_refused(
    skill: Record, action: str, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        await call(skill, action, **arguments)


def test_another_process_runs_it_from_the_record_alone(skill: Record) -> None:
    code = (
        "import asyncio, sys; from agp.rspl.entities import Record\n"
        "from agp.rspl.kinds import KINDS\n"
        "record = Record.model_validate_json(sys.stdin.read()); kind = KINDS[record.type]\n"
        "given = {'action': 'run', 'arguments': {'script': 'scripts/greet.py'}}\n"
        "print(asyncio.run(kind.run(record, kind.build(record), given, {})).result)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        input=skill.model_dump_json(),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
    )
    assert ended.stdout.strip() == "Hello  about", ended.stderr


def test_instructions_and_files_are_variables(skill: Record, history: History) -> None:
    registry = Registry(history)
    registry.register(skill)
    values = registry.get_variables(GREET)
    assert values["implementation/files/references/a.md"] == "about"
    changes = {"implementation/files/references/a.md": "new", "params/instructions": "Be brief."}
    registry.set_variables(GREET, {**changes, "description": "Greets well."})
    record = registry.get_info(GREET)
    assert {path: registry.get_variables(GREET)[path] for path in changes} == changes
    assert KIND.exports(record)[0]["function"]["description"].startswith("Greets well.")
    with pytest.raises(ResourceError, match="no instructions"):
        registry.set_variables(GREET, {"params/instructions": " "})


TABLE = "city,price,note\nRome,1.5,a\nOslo,4,b\nRome,,a\nRome,2.5,b\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "city: count 4, missing 0, distinct 2, most frequent: Rome (3), Oslo (1)"),
        ([], "price: count 3, missing 1, sum 8, mean 2.666666667, min 1.5, max 4, quartiles 2 2.5 3.25"),  # noqa: E501
        (["--column", "price", "--by", "city"], "city=Rome: count 2, missing 1, sum 4, mean 2, min 1.5, max 2.5, quartiles 1.75 2 2.25"),  # noqa: E501
        (["--where", "city=Rome", "--where", "note=a"], "rows: 2"),
    ],
)  # fmt: skip
async def test_the_shipped_skill_gives_exact_figures(arguments: list[str], line: str) -> None:
    record = discover([library_root()])[ResourceId(EntityType.TOOL, "csv_summary")]
    script = {"script": "scripts/summary.py", "arguments": arguments, "stdin": TABLE}
    assert line in (await call(record, "run", **script)).splitlines()


@pytest.mark.parametrize(
    ("table", "arguments", "said"),
    [
        ("", [], "There is no table"),
        ("a,b\n1\n", [], "Row 2 has 1 fields"),
        ("a,a\n1,2\n", [], "one name"),
        (TABLE, ["--column", "prize"], "there are: city, price, note"),
        (TABLE, ["--by", "city"], "needs --column"),
    ],
)
async def test_the_shipped_skill_says_what_is_wrong(
    table: str, arguments: list[str], said: str
) -> None:
    record = discover([library_root()])[ResourceId(EntityType.TOOL, "csv_summary")]
    with pytest.raises(ValueError, match=said):
        await call(record, "run", script="scripts/summary.py", arguments=arguments, stdin=table)
