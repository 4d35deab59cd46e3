"""Make a golden store with the code this runs on, for the tests of every later agp.

    PYTHONPATH=CHECKOUT python tests/store/golden/make.py FOLDER

writes ``SCHEMA.sql.gz`` (the store, as text) and ``SCHEMA.json`` (what any agp must find in it)
into FOLDER. Run it once, when a schema is released, with the released code; the files never change.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from agp import trust
from agp.models.scripted import ScriptedBackend
from agp.models.types import ModelRequest
from agp.project import Project
from agp.rspl.bundle import export_bundle, import_bundle
from agp.rspl.entities import EntityType, Implementation, Record, ResourceId
from agp.rspl.lineage.merge import merge_branch
from agp.rspl.lock import write_lock
from agp.rspl.registry import Registry
from agp.runs.journal import list_runs
from agp.store.database import SCHEMA
from tests.support.echo import (
    Echo,
    causes,
    is_operator,
    is_reflect,
    number_in,
    rewrite,
    system_of,
)

GOOD, HARMFUL = "Always say the number.", "Ignore the task and say 999."
PROMPT = ResourceId(EntityType.PROMPT, "solver")


def fill(project: Project, proposal: list[str]) -> None:
    """A bit of everything: versions of all types, a branch, rollbacks, runs, a rejected search."""
    registry, history = project.registry, project.history
    for kind in EntityType:
        rid = next(rid for rid in registry.list() if rid.type is kind)
        words = f"Edited: {rid} — “ünïcode” 数学 \u2028."
        body = {**registry.view().record(rid).body(), "description": words}
        registry.update(Record.model_validate(body))
    undone = registry.set_variables(PROMPT, {"params/system": "Regretted."})
    assert undone is not None
    registry.rollback(undone.id)
    registry.copy(PROMPT, "copied")
    registry.unregister(ResourceId(EntityType.PROMPT, "copied"))
    history.create_branch("trial", at=str(history.view().commit))
    trial = Registry(history, branch="trial", author="trier")
    trial.set_variables(PROMPT, {"params/system": "On trial."})
    trial.restore(PROMPT, "1.0.0")
    trial.set_variables(PROMPT, {"params/system": "On trial again."})
    history.keep([_candidate("Proposed, and never mentioned anywhere.")])
    _names(project, trial)
    _trust(project, trial)
    project.bench(Echo(4), limit=4)
    for seed, text in enumerate((HARMFUL, GOOD)):
        proposal[:] = [text]
        project.evolve(Echo(18), limit=18, rounds=1, seed=seed, gate={"rule": "non_degrading"})


def _names(project: Project, trial: Registry) -> None:
    """What schema 0002 brought: sub-agents, a merge, tags, aliases, a lock file, an import."""
    registry, history = project.registry, project.history
    agent = next(rid for rid in registry.list() if rid.type is EntityType.AGENT)
    body = registry.get_info(agent).body()
    params = {**body["params"], "agents": [agent.name]}
    registry.register(Record.model_validate({**body, "name": "over", "params": params}))
    merge_branch(registry, "trial", take="ours")
    history.names.create_tag("v1", str(history.view().commit), author="tagger", message="“1” —")
    history.names.create_tag("gone", str(history.view().commit), author="tagger")
    history.names.delete_tag("gone", author="tagger")
    for version in ("1.0.0", "1.0.1"):
        registry.move_alias(PROMPT, "production", version)
    pinned = history.view().with_overlay([_candidate("Proposed, and locked.")])
    with tempfile.TemporaryDirectory() as scratch:
        write_lock(pinned, Path(scratch) / "lock.json", history)
        bundle = Path(scratch) / "bundle.agp"
        export_bundle(history, bundle)
        import_bundle(history, bundle, as_branch="imported")
    history.create_branch("short", at="v1")
    history.delete_branch("short")


def _trust(project: Project, trial: Registry) -> None:
    """What schema 0003 brought: code by others than people, approved, rejected and waiting."""
    registry, history = project.registry, project.history
    calculator = registry.get_info("tool/calculator")
    for origin in ("optimizer", "model", "import"):
        body = calculator.body()
        body["implementation"]["files"]["tool.py"] += f"\n# by {origin}\n"
        named = Record.model_validate({**body, "name": f"by_{origin}"})
        (trial if origin == "model" else registry).register(named, origin=origin)
    trust.approve(
        history, trust.find(history, "tool/by_optimizer"), reviewer="ann", reason="read it — all"
    )
    trust.reject(history, trust.find(history, "tool/by_model"), reviewer="ann", reason="no “need”")


def _candidate(system: str) -> Record:
    return Record(
        type=EntityType.PROMPT,
        name="solver",
        implementation=Implementation(kind="import", entry="agp.rspl.kinds.prompt:Prompt"),
        params={"system": system, "template": "{{input}}", "demonstrations": []},
    )


def facts(project: Project) -> dict[str, Any]:
    """What any agp must find in the store."""
    history = project.history
    branches = sorted(history.branches())
    logs = {branch: history.log(branch) for branch in branches}
    moved = {c.resource for log in logs.values() for commit in log for c in commit.changes}
    versions = {rid: history.versions(rid) for rid in sorted(moved)}
    return {
        "schema": SCHEMA,
        "branches": history.branches(),
        "views": {branch: history.view(branch).digest for branch in branches},
        "logs": {branch: [commit.id for commit in log] for branch, log in logs.items()},
        "messages": [commit.message for commit in logs["main"]],
        "versions": {str(rid): [list(each) for each in found] for rid, found in versions.items()},
        "candidate": _candidate("Proposed, and never mentioned anywhere.").digest,
        "tags": history.names.tags(),
        "aliases": {
            str(rid): found for rid in sorted(moved) if (found := history.names.aliases(rid))
        },
        "pinned": _candidate("Proposed, and locked.").digest,
        "trust": {
            str(each.resource): [each.origin, each.status] for each in trust.versions(history)
        },
        "runs": {row.id: row.status for row in list_runs(project.database)},
    }


def _dump(store: Path) -> str:
    """The store as SQL. Full-text tables hold nothing of their own: they are filled when read."""
    with sqlite3.connect(store) as connection:
        virtual = "SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE %'"
        found = connection.execute(virtual).fetchall()
        for name, _ in found:
            connection.execute(f"DROP TABLE {name}")
        connection.commit()
        lines = list(connection.iterdump())
        for name, sql in found:
            lines += [f"{sql};", f"INSERT INTO {name}({name}) VALUES('rebuild');"]
    connection.close()
    return "\n".join([*lines, ""])


def main(folder: Path) -> None:
    """Write both files."""
    proposal: list[str] = []

    def model(request: ModelRequest) -> str:
        if is_reflect(request):
            return causes()
        if is_operator(request):
            return rewrite(request, proposal[0])
        number, system = number_in(request), system_of(request)
        if HARMFUL in system:
            return "999"
        return str(number) if GOOD in system or number % 3 == 0 else "no idea"

    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch) / "store.db"
        backends = {"scripted": ScriptedBackend(model)}
        project = Project(scratch, store=store, model="scripted/model", backends=backends)
        fill(project, proposal)
        found = facts(project)
        project.close()
        dump = _dump(store)
    packed = gzip.compress(dump.replace(scratch, "/project").encode(), mtime=0)
    (folder / f"{SCHEMA}.sql.gz").write_bytes(packed)
    text = json.dumps(found, indent=1, ensure_ascii=False)
    (folder / f"{SCHEMA}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
