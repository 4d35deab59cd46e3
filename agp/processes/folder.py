"""A fresh folder for a run: made, filled, measured, and removed whatever was left in it."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path

from agp.errors import InputError

_ENTRY_BYTES = 16_384
"""What one entry counts for itself: it bounds their number too."""


@contextlib.contextmanager
def fresh_folder(prefix: str = "agp-run-") -> Generator[str]:
    """A new folder that only this user can enter; it is removed afterwards."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        remove(folder)


def lay_out(folder: Path, files: Mapping[str, str]) -> None:
    """Write ``files`` (relative path to text) into a folder. Raises InputError for a path out."""
    for name, text in files.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()) or path == folder.resolve():
            raise InputError(f"The file name {name!r} leaves the run's folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "replace"))


def measure(folder: str, *, most: int) -> int:
    """Bytes of disk that a folder's content takes; it stops counting soon after ``most``.

    What cannot be looked into (too deep, closed to its owner) counts for more than ``most``.
    """
    taken, waiting = 0, [folder]
    while waiting and taken <= most:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    about = entry.stat(follow_symlinks=False)
                    taken += about.st_blocks * 512 + _ENTRY_BYTES
                    if stat.S_ISDIR(about.st_mode):
                        waiting.append(entry.path)
                    if taken > most:
                        break
        except (FileNotFoundError, NotADirectoryError):  # it was removed meanwhile
            continue
        except OSError:
            return most + 1
    return taken


def remove(folder: str) -> None:
    """Remove a folder that hostile code may have filled: any depth, any mode, any link."""
    with contextlib.suppress(OSError):
        os.rmdir(folder)
        return
    with contextlib.suppress(OSError):
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            _empty(top)
        finally:
            os.close(top)
        os.rmdir(folder)


def _empty(top: int) -> None:
    """Remove all entries; what lies deeper is first moved up, so that no path grows long."""
    moved = 0
    while names := os.listdir(top):
        for name in names:
            about = os.stat(name, dir_fd=top, follow_symlinks=False)
            if not stat.S_ISDIR(about.st_mode):
                os.unlink(name, dir_fd=top)
                continue
            os.chmod(name, 0o700, dir_fd=top)
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
            try:
                for child in os.listdir(inner):
                    moved += 1
                    _move_up(child, inner, f".agp-{os.getpid()}-{moved}", top)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)


def _move_up(name: str, source: int, new: str, top: int) -> None:
    about = os.stat(name, dir_fd=source, follow_symlinks=False)
    if not stat.S_ISDIR(about.st_mode):
        os.unlink(name, dir_fd=source)
        return
    os.chmod(name, 0o700, dir_fd=source)  # moving a folder writes into it
    os.rename(name, new, src_dir_fd=source, dst_dir_fd=top)
