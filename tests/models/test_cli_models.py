"""``agp models``: what it prints, and that importing it costs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agp.cli.models import app
from agp.errors import ModelError, NotFoundError

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGP_MODELS_DIR", str(tmp_path))
    monkeypatch.delenv("AGP_EMBEDDED_MODEL_PATH", raising=False)


def test_list_as_json(tmp_path: Path) -> None:
    (row,) = json.loads(RUNNER.invoke(app, ["list", "-f", "json"]).stdout)
    assert row["model"] == "embedded/qwen2.5-coder-1.5b"
    assert row["here"] is False
    assert row["path"].startswith(str(tmp_path))


def test_list_as_table_says_how_to_get_what_is_missing() -> None:
    result = RUNNER.invoke(app, ["list"])
    assert "qwen2.5-coder-1.5b" in result.stdout
    assert "pull" in result.stdout


def test_check_of_missing_weights_is_an_error_with_a_hint() -> None:
    error = RUNNER.invoke(app, ["check"]).exception
    assert isinstance(error, ModelError)
    assert "agp models pull" in (error.hint or "")


def test_a_wrong_name_is_bad_usage() -> None:
    error = RUNNER.invoke(app, ["pull", "qwen"]).exception
    assert isinstance(error, NotFoundError)
    assert error.exit_code == 2


def test_a_wrong_source_is_bad_usage() -> None:
    assert RUNNER.invoke(app, ["pull", "--source", "torrent"]).exit_code == 2


@pytest.mark.parametrize("command", [[], ["pull"], ["list"], ["check"]])
def test_help_shows_examples(command: list[str]) -> None:
    assert "agp models" in RUNNER.invoke(app, [*command, "--help"]).stdout


def test_importing_it_imports_only_typer() -> None:
    code = (
        "import sys, typer; before = set(sys.modules); import agp.cli.models\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "sys.exit(str(new) if new - {'agp', '__future__', 'contextlib', 'enum'} else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
