"""Files and evolved versions: an evolved version stays until its own file changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from agp.rspl.history import History
from agp.rspl.lineage.merge import merge_branch
from agp.rspl.registry import Registry

RID = "prompt/mine"


def write(root: Path, system: str) -> None:
    """The prompt's file."""
    folder = root / "prompts" / "mine"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "PROMPT.md").write_text(f"---\ndescription: mine\n---\n{system}\n")


def evolve(registry: Registry, system: str) -> None:
    """What an optimizer does."""
    registry.set_variables(RID, {"params/system": system})


def live(registry: Registry) -> str:
    """The live text."""
    return registry.get_info(RID).params["system"]


@pytest.fixture
def registry(history: History, tmp_path: Path) -> Registry:
    """A registry that read the file once and evolved what was in it."""
    write(tmp_path, "file 1")
    registry = Registry(history)
    registry.init([tmp_path])
    evolve(registry, "evolved 1")
    return registry


def test_reading_again_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    assert registry.init([tmp_path]) is None
    assert live(registry) == "evolved 1"
    write(tmp_path, "file 2")
    assert registry.init([tmp_path]) is not None
    assert live(registry) == "file 2"


def test_a_branch_knows_what_was_read(registry: Registry, tmp_path: Path) -> None:
    history = registry.history
    before = history.log()[-1].id
    write(tmp_path, "file 2")
    registry.init([tmp_path])
    evolve(registry, "evolved 2")
    history.create_branch("now", at="main")
    history.create_branch("then", at=before)
    now, then = Registry(history, branch="now"), Registry(history, branch="then")
    assert now.init([tmp_path]) is None
    assert live(now) == "evolved 2"
    assert then.init([tmp_path]) is not None
    assert live(then) == "file 2"


def test_a_merge_brings_what_the_other_branch_read(registry: Registry, tmp_path: Path) -> None:
    registry.history.create_branch("trial", at="main")
    trial = Registry(registry.history, branch="trial")
    write(tmp_path, "file 2")
    trial.init([tmp_path])
    evolve(trial, "evolved 2")
    merge_branch(registry, "trial")
    assert live(registry) == "evolved 2"
    assert registry.init([tmp_path]) is None
    assert live(registry) == "evolved 2"


def test_an_import_before_the_first_reading_is_kept(
    registry: Registry, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from agp.store.database import Database

    bundle = tmp_path / "mine.jsonl"
    registry.save_to_json(bundle)
    other = Registry(History(Database(tmp_path_factory.mktemp("other") / "store.db")))
    other.load_from_json(bundle)
    assert other.init([tmp_path]) is None
    assert live(other) == "evolved 1"
    write(tmp_path, "file 2")
    assert other.init([tmp_path]) is not None
    assert live(other) == "file 2"
    other.history.database.close()


def test_a_race_with_an_evolution_is_lost_gracefully(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "file 2")
    other = Registry(registry.history)
    raced: list[bool] = []
    commit = registry.commit

    def late(*args: object, **named: object) -> object:
        if not raced:
            raced.append(True)
            other.init([tmp_path])
            evolve(other, "evolved 2")
        return commit(*args, **named)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(registry, "commit", late)
    assert registry.init([tmp_path]) is None
    assert live(registry) == "evolved 2"
