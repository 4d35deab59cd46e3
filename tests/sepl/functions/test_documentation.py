"""The code of docs/functions.md runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "functions.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", [block for block in BLOCKS if "agp.optimize(" in block])
def test_it_finds_and_commits_what_is_better(
    code: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if "gepa" in code:
        pytest.importorskip("gepa", reason="GEPA is not installed: pip install gepa")
    path = tmp_path / "snippet.py"
    path.write_text(code)
    exec(compile(code, str(path), "exec"), {"__name__": "snippet"})
    assert "Committed to main" in capsys.readouterr().out
