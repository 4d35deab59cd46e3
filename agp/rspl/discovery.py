"""From folders of files to records: `agents/ tools/ environments/ memory/ prompts/`.

A root is a folder that holds these folders: a user's project, this repository, or the library
inside the wheel. Earlier roots win where two declare the same resource.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import frontmatter  # pyright: ignore[reportMissingTypeStubs]
import yaml

from agp.errors import InputError, NotFoundError, ResourceError
from agp.rspl.entities import Record, ResourceId, check_name
from agp.rspl.kinds import KINDS, Kind
from agp.rspl.kinds.base import Folder

_LARGEST_FILE = 1_000_000


def library_root() -> Path:
    """The root of the shipped resources: inside the wheel, or the checkout agp runs from."""
    package = Path(__file__).resolve().parents[1]
    return package / "library" if (package / "library").is_dir() else package.parent


def discover(roots: Sequence[Path]) -> dict[ResourceId, Record]:
    """All records that the folders under ``roots`` declare.

    Raises ResourceError naming file, line and field of the first malformed one.
    """
    found: dict[ResourceId, Record] = {}
    for kind in KINDS.values():
        folders = _folders(kind, roots)
        for name in folders:
            folder = _extended(kind, folders[name], folders)
            for record in kind.from_folder(folder):
                KINDS[record.type].validate(record)
                found.setdefault(record.id, record)
    return found


def _folders(kind: Kind, roots: Sequence[Path]) -> dict[str, Folder]:
    folders: dict[str, Folder] = {}
    for root in roots:
        parent = root / kind.folder
        for path in sorted(parent.iterdir()) if parent.is_dir() else ():
            if path.is_dir() and not path.name.startswith((".", "_")) and path.name not in folders:
                folders[path.name] = _read(kind, path)
    return folders


def _read(kind: Kind, path: Path) -> Folder:
    try:
        check_name(path.name)
    except InputError as error:
        raise ResourceError(f"{path}: {error.message}", hint=error.hint) from error
    manifest = path / kind.manifest
    front, body = _manifest(manifest) if manifest.exists() else ({}, "")
    code = {file.name: _text(file) for file in sorted(path.glob("*.py"))}
    if not manifest.exists() and kind.code_file not in code:
        needed = " or ".join(filter(None, (kind.manifest, kind.code_file)))
        raise ResourceError(f"{path}: there is no {needed} in it.")
    where = str(manifest if manifest.exists() else path)
    return Folder(name=path.name, front=front, body=body, code=code, where=where)


def _manifest(path: Path) -> tuple[dict[str, Any], str]:
    try:
        front, body = frontmatter.parse(_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 2}" if mark else ""  # the opening --- is not part of the YAML
        problem = getattr(error, "problem", None) or str(error)
        raise ResourceError(f"{path}{line}: the front matter is not YAML: {problem}.") from error
    if not isinstance(cast(object, front), dict):
        raise ResourceError(f"{path}: the front matter must be 'field: value' lines.")
    if _text(path).startswith("---") and not front:
        raise ResourceError(
            f"{path}, line 1: the front matter opens with --- and is never closed, or is empty.",
            hint="End it with a line of three dashes.",
        )
    return front, body


def _text(path: Path) -> str:
    if path.stat().st_size > _LARGEST_FILE:
        raise ResourceError(f"{path}: larger than {_LARGEST_FILE:,} bytes.")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ResourceError(f"{path}: not UTF-8 text (byte {error.start}).") from error
    except OSError as error:
        raise ResourceError(f"{path}: cannot be read: {error.strerror}.") from error


def _extended(
    kind: Kind, folder: Folder, folders: dict[str, Folder], below: tuple[str, ...] = ()
) -> Folder:
    base = folder.front.get("extends")
    if not base or kind.code_file in folder.code:
        return folder
    if folder.name in below:
        circle = " → ".join((*below, folder.name))
        raise ResourceError(f"{folder.where}: these extend each other in a circle: {circle}.")
    parent = folders.get(str(base))
    if parent is None or parent.name == folder.name:
        known = [name for name in folders if name != folder.name]
        error = NotFoundError(f"{kind.type.value} to extend", str(base), known)
        raise ResourceError(f"{folder.where}: {error.message}", hint=error.hint)
    above = _extended(kind, parent, folders, (*below, folder.name))
    code = {**above.code, **folder.code}
    return Folder(folder.name, folder.front, folder.body, code, folder.where)
