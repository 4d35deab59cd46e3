"""Two branches that begin at one commit, for tests of merging and of what reads merges."""

from __future__ import annotations

from pathlib import Path

from agp.rspl.bundle import export_bundle, import_bundle
from agp.rspl.entities import Record
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.store.database import Database

from .helpers import prompt

SPELL = "one\ntwo\nthree\nfour\nfive"
SPELLING = prompt(system=SPELL).id


def forked(history: History, *records: Record) -> tuple[Registry, Registry]:
    """``main`` and ``trial`` on a commit that holds ``records``, by default one prompt."""
    main = Registry(history)
    for record in records or (prompt(system=SPELL),):
        main.register(record)
    history.create_branch("trial", at=main.view().commit or "")
    return main, Registry(history, branch="trial", author="trial person")


def spell(registry: Registry, old: str, new: str) -> str:
    """Replace part of the prompt's text; returns the commit."""
    text = registry.get_info(SPELLING).params["system"]
    assert old in text
    commit = registry.set_variables(
        SPELLING, {"params/system": text.replace(old, new)}, message=f"{old} to {new}"
    )
    assert commit is not None
    return commit.id


def take_in_strangers(history: History, folder: Path, branch: str) -> None:
    """A branch with a history of its own: imported from another store."""
    other, bundle = Database(folder / "other.db"), folder / "strangers.agp"
    Registry(History(other)).register(prompt("alien"))
    export_bundle(History(other), bundle)
    other.close()
    import_bundle(history, bundle, as_branch=branch)
