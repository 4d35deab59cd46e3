"""``agp dossier`` as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agp.audit.keys import make_pair
from agp.cli.main import app
from agp.errors import AgpError, InputError

RUNNER = CliRunner()


def _agp(*arguments: str | Path, code: int = 0) -> str:
    result = RUNNER.invoke(app, [str(each) for each in arguments])
    if isinstance(result.exception, AgpError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _agp("init", tmp_path / "mine")
    return tmp_path / "mine"


def test_markdown_is_printed(folder: Path) -> None:
    text = _agp("dossier", "solver", "--project", folder)
    assert text.startswith("# Dossier of agent/solver")
    assert "not signed" in text


def test_html_and_json_are_written(folder: Path, tmp_path: Path) -> None:
    _agp("dossier", "solver", "--project", folder, "-f", "html", "-o", tmp_path / "s.html")
    assert (tmp_path / "s.html").read_text().startswith("<!doctype html>")
    _agp("dossier", "solver", "--project", folder, "-f", "json", "-o", tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text())["agent"] == "agent/solver"


def test_nothing_is_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "s.md").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        _agp("dossier", "solver", "--project", folder, "-o", tmp_path / "s.md")
    assert (tmp_path / "s.md").read_text() == "mine"


def test_signed_then_checked_then_outdated(folder: Path, tmp_path: Path) -> None:
    make_pair(tmp_path / "key")
    file = tmp_path / "s.json"
    _agp(
        "dossier",
        "solver",
        "--project",
        folder,
        "-f",
        "json",
        "--key",
        tmp_path / "key",
        "-o",
        file,
    )
    check = ("dossier", "--check", file, "--public-key", tmp_path / "key.pub", "--project", folder)
    assert "It is current." in _agp(*check)
    _agp("resources", "set", "prompt/solver", "params/system=Else.", "--project", folder)
    assert "not current" in _agp(*check, code=1)
    file.write_text(file.read_text().replace("agent/solver", "agent/other"))
    with pytest.raises(InputError, match="does not hold"):
        _agp(*check)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Which agent"),
        (("nobody",), "nobody"),
        (("solver", "--check", "x.json"), "--check takes nothing"),
        (("--check", "absent.json"), "no dossier"),
        (("solver", "--key", "absent.pem"), "no key file"),
    ],
)
def test_wrong_input(folder: Path, arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        _agp("dossier", *arguments, "--project", folder)
