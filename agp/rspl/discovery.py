"""From files to records: the folders `agents/ tools/ environments/ memory/ prompts/`.

A root is a folder that holds these folders: a user's project, this repository, or the library
inside the wheel. Earlier roots win where two declare the same resource.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import frontmatter  # pyright: ignore[reportMissingTypeStubs]
import yaml

from agp.errors import InputError, NotFoundError, ResourceError
from agp.rspl import trusted
from agp.rspl.entities import Record, ResourceId, check_name
from agp.rspl.files import read_bundle, read_text
from agp.rspl.kinds import KINDS, Kind
from agp.rspl.kinds.base import Folder
from agp.secrets import unresolved


def library_root() -> Path:
    """The root of the shipped resources: inside the wheel, or the checkout agp runs from."""
    package = Path(__file__).resolve().parents[1]
    return package / "library" if (package / "library").is_dir() else package.parent


Written = Callable[[Record], None]
"""Told of each record that a person's files declare, before its code is used."""


def allow_code(record: Record) -> None:
    """Let the code of a record run in this process: who wrote the file is whose process it is."""
    if (code := KINDS[record.type].code(record)) is not None:
        trusted.allow(code)


def _ship_code(record: Record) -> None:
    if (code := KINDS[record.type].code(record)) is not None:
        trusted.ship(code)


@unresolved()
def discover(roots: Sequence[Path], written: Written = allow_code) -> dict[ResourceId, Record]:
    """All records that the folders under ``roots`` declare.

    Parameters: ``written`` decides where the code in files runs, but for the shipped library,
    which is part of agp. Raises ResourceError naming file, line and field of the first malformed
    one.
    """
    found: dict[ResourceId, Record] = {}
    for kind in KINDS.values():
        entries = _entries(kind, roots, written)
        folders = {name: each for name, each in entries.items() if isinstance(each, Folder)}
        for entry in entries.values():
            if isinstance(entry, Record):
                records = [entry]
                written(entry)
            else:
                records = kind.from_folder(_extended(kind, entry, folders))
            for record in records:
                if isinstance(entry, Folder):
                    entry.written(record)
                KINDS[record.type].validate(record)
                found.setdefault(record.id, record)
    return found


@unresolved()
def read_folder(path: Path, written: Written = allow_code) -> list[Record]:
    """The records that one folder declares, wherever it lies; what is in it says its type.

    It may extend shipped resources; ``written`` is as for `discover`. Raises ResourceError.
    """
    path = path.resolve()
    kind = next((kind for kind in KINDS.values() if _is_one(kind, path)), None)
    if kind is None:
        names = sorted(kind.manifest for kind in KINDS.values())
        raise ResourceError(
            f"{path} is not the folder of a resource.",
            hint=f"It needs one of: {', '.join(names)}, tool.py, SKILL.md, mcp.json.",
        )
    known = _entries(kind, [library_root()], written)
    folders = {name: each for name, each in known.items() if isinstance(each, Folder)}
    records = kind.from_folder(_extended(kind, _read(kind, path, written), folders))
    for record in records:
        written(record)
        KINDS[record.type].validate(record)
    return records


def _is_one(kind: Kind, path: Path) -> bool:
    names = filter(None, (kind.manifest, kind.code_file, *kind.bundles))
    return any((path / name).is_file() for name in names)


def _entries(kind: Kind, roots: Sequence[Path], written: Written) -> dict[str, Folder | Record]:
    """What declares resources of a type, by name: folders, and the lines of a declarations file."""
    entries: dict[str, Folder | Record] = {}
    for root in roots:
        parent = root / kind.folder
        here: dict[str, Folder | Record] = {}
        told = _ship_code if root.resolve() == library_root() else written
        for path in sorted(parent.iterdir()) if parent.is_dir() else ():
            if path.is_dir() and not path.name.startswith((".", "_")) and path.name not in entries:
                here[path.name] = _read(kind, path, told)
        file = parent / kind.declarations if kind.declarations else None
        if file is not None and file.is_file():
            for record in kind.from_declarations(read_text(file), str(file)):
                if record.name in here:
                    raise ResourceError(
                        f"{file}: {record.name!r} is also the folder {parent / record.name}.",
                        hint="Rename one of them.",
                    )
                here[record.name] = record
        entries = {**here, **entries}
    return entries


def _read(kind: Kind, path: Path, written: Written) -> Folder:
    try:
        check_name(path.name)
    except InputError as error:
        raise ResourceError(f"{path}: {error.message}", hint=error.hint) from error
    bundle = next((name for name in kind.bundles if (path / name).is_file()), None)
    described = bundle if bundle and bundle.endswith(".md") else kind.manifest
    manifest = path / described
    front, body = _manifest(manifest) if manifest.exists() else ({}, "")
    where = str(manifest if manifest.exists() else path)
    if bundle:
        return Folder(path.name, front, body, {}, where, read_bundle(path), written)
    code = {file.name: read_text(file) for file in sorted(path.glob("*.py"))}
    if not manifest.exists() and kind.code_file not in code:
        needed = " or ".join(filter(None, (kind.manifest, kind.code_file, *kind.bundles)))
        raise ResourceError(f"{path}: there is no {needed} in it.")
    return Folder(path.name, front, body, code, where, written=written)


def _manifest(path: Path) -> tuple[dict[str, Any], str]:
    try:
        front, body = frontmatter.parse(read_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ResourceError(f"{path}{line}: the front matter is not YAML: {problem}.") from error
    if not isinstance(cast(object, front), dict):
        raise ResourceError(f"{path}: the front matter must be 'field: value' lines.")
    if read_text(path).startswith("---") and not front:
        raise ResourceError(
            f"{path}, line 1: the front matter opens with --- and is never closed, or is empty.",
            hint="End it with a line of three dashes.",
        )
    return front, body


def _extended(
    kind: Kind, folder: Folder, folders: dict[str, Folder], below: tuple[str, ...] = ()
) -> Folder:
    base = folder.front.get("extends")
    if not base or folder.files or kind.code_file in folder.code:
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
    return replace(folder, code=code)
