"""Reading the files of resource folders: texts of bounded size that lie inside the folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from agp.errors import ResourceError

_LARGEST_FILE = 1_000_000
_LARGEST_BUNDLE = 5_000_000
_MOST_FILES = 500
_LONGEST_PART = 255  # bytes: what file systems have room for
_LONGEST_PATH = 1_000
_NO_FILE_NAME = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]|(^|/)\.{0,2}(/|$)")
_NO_RESOURCE = ("__pycache__", "node_modules")


def check_file_names(names: Iterable[str], where: str) -> None:
    """Every name is a path below a folder, with ``/``, that files of it can be written to.

    Raises ResourceError naming the one that is not.
    """
    known = set(names)
    for name in sorted(known):
        parts = name.split("/")
        folders = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        if clash := folders & known:
            raise ResourceError(
                f"{where}: {min(clash)!r} is a file and a folder.", hint="Rename one."
            )
        long = any(len(part.encode("utf-8", "replace")) > _LONGEST_PART for part in parts)
        if long or len(name) > _LONGEST_PATH or _NO_FILE_NAME.search(name):
            raise ResourceError(
                f"{where}: {name[:80]!r} is not the name of a file in a folder.",
                hint="Use relative paths with / and parts of at most "
                f"{_LONGEST_PART} bytes; no '..', no backslash, no control characters.",
            )


def read_text(path: Path) -> str:
    """The text of a file. Raises ResourceError for a link that leaves its folder, a binary, a
    file of more than 1 MB."""
    try:
        if not path.resolve().is_relative_to(path.parent.resolve()):
            raise ResourceError(
                f"{path}: a link to a file outside its folder.",
                hint="Copy the file here: what is outside would not be versioned with it.",
            )
        if path.stat().st_size > _LARGEST_FILE:
            raise ResourceError(
                f"{path}: larger than {_LARGEST_FILE:,} bytes.",
                hint="Records hold texts. Let a script fetch or make large data when it runs.",
            )
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _binary(path, error.start) from error
    except OSError as error:
        raise ResourceError(f"{path}: cannot be read: {error.strerror}.") from error
    if "\x00" in text:
        raise _binary(path, text.index("\x00"))
    return text


def read_bundle(folder: Path) -> dict[str, str]:
    """All texts in a folder and below, by path with ``/``; hidden files and caches left out.

    Raises ResourceError as `read_text`, and where there are too many or a link is a folder.
    """
    texts: dict[str, str] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _belongs(name))
        for name in folders:
            if (Path(place) / name).is_symlink():
                raise ResourceError(
                    f"{Path(place) / name}: a link to a folder.",
                    hint="Copy the folder here: what it points to would not be versioned.",
                )
        for name in sorted(filter(_belongs, names)):
            path = Path(place) / name
            texts[path.relative_to(folder).as_posix()] = read_text(path)
            if len(texts) > _MOST_FILES or sum(map(len, texts.values())) > _LARGEST_BUNDLE:
                raise ResourceError(
                    f"{folder}: more than {_MOST_FILES} files or {_LARGEST_BUNDLE:,} characters.",
                    hint="A record holds the whole folder: keep in it what the resource needs.",
                )
    return texts


def _belongs(name: str) -> bool:
    return not name.startswith(".") and name not in _NO_RESOURCE and not name.endswith(".pyc")


def _binary(path: Path, position: int) -> ResourceError:
    return ResourceError(
        f"{path}: not UTF-8 text (byte {position}).",
        hint="Records hold texts: leave binary files out, or let a script make them.",
    )
