"""Folders of runs: measured without trust, removed whatever is in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agp.processes.folder import fresh_folder, measure, remove


def deep(folder: Path, depth: int) -> None:
    """Nest folders beyond what a path can name."""
    start = os.open(folder, os.O_RDONLY)
    here = start
    for _ in range(depth):
        os.mkdir("x" * 50, dir_fd=here)
        inner = os.open("x" * 50, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


def test_removes_deep_closed_and_linked_content(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    folder = tmp_path / "run"
    folder.mkdir()
    deep(folder, 1500)
    (folder / "link").symlink_to(outside)
    (folder / "closed").mkdir()
    (folder / "closed" / "inner").mkdir()
    (folder / "closed" / "inner").chmod(0)
    (folder / "closed").chmod(0)
    remove(str(folder))
    assert not folder.exists()
    assert (outside / "kept").read_text() == "x"


def test_measures_what_is_there_and_stops_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 1_000_000)
    assert 1_000_000 < measure(str(tmp_path), most=1 << 30) < 1_200_000
    for n in range(300):
        (tmp_path / str(n)).touch()
    assert 1 << 20 < measure(str(tmp_path), most=1 << 20) < 2 << 20


def test_what_cannot_be_looked_into_is_too_much(tmp_path: Path) -> None:
    deep(tmp_path, 200)
    assert measure(str(tmp_path), most=1 << 40) > 1 << 40
    remove(str(tmp_path))


def test_a_fresh_folder_is_private_and_goes(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), fresh_folder() as folder:
        assert os.stat(folder).st_mode & 0o077 == 0
        (Path(folder) / "x").touch()
        raise ZeroDivisionError
    assert not os.path.exists(folder)
