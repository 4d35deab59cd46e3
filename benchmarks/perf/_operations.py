"""Everything that writes to a store, as crash.py does it: one generator an operation.

What comes before its ``yield`` prepares, what comes after is interrupted. Whatever has returned
is told with `Work.promise`: from then on it must never be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from _common import prompt

from agp.rspl.commits import Commit
from agp.rspl.discovery import discover, library_root
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import History
from agp.rspl.lineage.merge import merge_branch
from agp.rspl.registry import Registry
from agp.rspl.upkeep.gc import collect
from agp.store.database import Database

SOLVER, OTHER, NOTES = "prompt/solver", "prompt/other", "memory/semantic"
SIDE = "side"


class Work:
    """One process at work on a store.

    Parameters: ``run`` a number no other process on this store has; ``fresh`` where a further,
    empty store can be made; ``promise`` is told (kind, facts…) for all that was acknowledged.
    """

    def __init__(
        self, location: str, run: int, fresh: str, inside: Path, promise: Callable[..., None]
    ) -> None:
        self.run = run
        self.changes = 0
        self.fresh = fresh
        self.inside = inside
        self.promise = promise
        self.database = Database(location)
        self.history = History(self.database)
        self.registry = Registry(self.history)
        self.side = Registry(self.history, branch=SIDE)

    def did(self, commit: Commit | None, registry: Registry | None = None) -> Commit:
        """Acknowledge a commit."""
        assert commit is not None, "a commit was expected"
        self.promise("commit", (registry or self.registry).branch, commit.id)
        return commit

    def change(self, resource: str = SOLVER, registry: Registry | None = None) -> Commit:
        """Give a prompt new content."""
        there = registry or self.registry
        self.changes += 1
        values = {"params/system": f"Change {self.changes} of run {self.run} in {there.branch}."}
        return self.did(there.set_variables(resource, values), there)


def prepare(work: Work) -> None:
    """What a new store holds before anything is interrupted."""
    for name in ("solver", "other"):
        work.did(work.registry.register(prompt(name, "Answer the question.")))
    notes = discover([library_root()])[ResourceId.parse(NOTES)]
    work.did(work.registry.register(notes))
    work.history.create_branch(SIDE, at="main")
    work.promise("branch", SIDE)


def register(work: Work) -> Iterator[None]:
    yield
    work.did(work.registry.register(prompt(f"new-{work.run}", "Be brief.")))


def update(work: Work) -> Iterator[None]:
    record = work.registry.get_info(OTHER)
    body = {**record.body(), "params": {**record.params, "system": f"Update {work.run}."}}
    yield
    work.did(work.registry.update(Record.model_validate(body)))


def set_variables(work: Work) -> Iterator[None]:
    yield
    work.change()


def many(work: Work) -> Iterator[None]:
    """Several resources, one removed, as one commit."""
    gone = prompt(f"many-{work.run}", "One.")
    work.did(work.registry.register(gone))
    yield
    records = [prompt(f"many-{work.run}-{n}", f"Number {n}.") for n in range(5)]
    changes = {gone.id: None, **{each.id: each for each in records}}
    work.did(work.registry.commit(changes, operator="compose", message="many at once"))


def copy(work: Work) -> Iterator[None]:
    yield
    work.did(work.registry.copy(SOLVER, f"copy-{work.run}"))


def restore(work: Work) -> Iterator[None]:
    work.change()
    yield
    work.did(work.registry.restore(SOLVER, "1.0.0"))


def rollback(work: Work) -> Iterator[None]:
    commit = work.change()
    yield
    work.did(work.registry.rollback(commit.id))


def unregister(work: Work) -> Iterator[None]:
    record = prompt(f"old-{work.run}", "Go.")
    work.did(work.registry.register(record))
    yield
    work.did(work.registry.unregister(record.id))


def branch(work: Work) -> Iterator[None]:
    yield
    work.history.create_branch(f"branch-{work.run}", at="main")
    work.promise("branch", f"branch-{work.run}")


def delete_branch(work: Work) -> Iterator[None]:
    name = f"gone-{work.run}"
    work.history.create_branch(name, at="main")
    work.change(registry=Registry(work.history, branch=name))
    yield
    work.history.delete_branch(name)
    work.promise("no branch", name)


def tag(work: Work) -> Iterator[None]:
    head = work.history.head("main") or ""
    yield
    work.history.names.create_tag(f"tag-{work.run}", head, author="user")
    work.promise("tag", f"tag-{work.run}", head)


def alias(work: Work) -> Iterator[None]:
    versions = work.history.versions(work.registry.get_info(SOLVER).id)
    semver, digest = versions[work.run % len(versions)]
    yield
    work.registry.move_alias(SOLVER, "production", semver)
    work.promise("alias", SOLVER, "production", digest)


def merge(work: Work) -> Iterator[None]:
    work.change(OTHER, work.side)
    yield
    result = merge_branch(work.registry, SIDE, take="theirs")
    assert result.commit, "a merge commit was expected"
    work.promise("commit", "main", result.commit)


def remember(work: Work) -> Iterator[None]:
    """A memory that is run: its state is a new version."""
    yield
    arguments = {"text": f"Run {work.run} was here.", "key": f"key-{work.run % 20}"}
    done = work.registry.run(NOTES, {"action": "remember", "arguments": arguments})
    work.did(done.commit)


def gc(work: Work) -> Iterator[None]:
    work.history.keep([prompt(f"candidate-{work.run}-{n}", "Maybe.") for n in range(3)])
    yield
    collect(work.database, grace=timedelta(0))


def take_in(work: Work) -> Iterator[None]:
    """Import a bundle."""
    record = prompt(f"bundled-{work.run}", "Travel.")
    path = work.inside / f"bundle-{work.run}.jsonl"
    work.did(work.registry.register(record))
    work.registry.save_to_json(path, [record.id])
    work.did(work.registry.unregister(record.id))
    yield
    work.did(work.registry.load_from_json(path).commit)


def init(work: Work) -> Iterator[None]:
    """Discover resources in files."""
    root = work.inside / f"files-{work.run}"
    for n in range(3):
        path = root / "prompts" / f"file-{work.run}-{n}" / "PROMPT.md"
        path.parent.mkdir(parents=True)
        path.write_text("---\ndescription: From a file\n---\nBe brief.\n")
    yield
    work.did(work.registry.init([root]))


def create(work: Work) -> Iterator[None]:
    """Make a new store: all migrations, and its first commit."""
    yield
    database = Database(work.fresh)
    commit = Registry(History(database)).register(prompt("first", "Begin."))
    assert commit is not None
    database.close()


Operation = Callable[[Work], Iterator[None]]
OPERATIONS: dict[str, Operation] = {
    "register": register,
    "update": update,
    "set_variables": set_variables,
    "many in one commit": many,
    "copy": copy,
    "restore": restore,
    "rollback": rollback,
    "unregister": unregister,
    "create a branch": branch,
    "delete a branch": delete_branch,
    "tag": tag,
    "alias": alias,
    "merge": merge,
    "run a memory": remember,
    "gc": gc,
    "import a bundle": take_in,
    "init from files": init,
    "create a store": create,
}


def check_promises(work: Work, promises: list[tuple[Any, ...]]) -> Iterator[str]:
    """What of all that was acknowledged is lost."""
    history = work.history
    branches, tags = history.branches(), history.names.tags()
    lines = [name for name in ("main", SIDE) if name in branches]
    chains = {name: {commit.id for commit in history.log(name)} for name in lines}
    aliases: dict[tuple[str, str], str] = {}
    for kind, *facts in promises:
        match kind, facts:
            case "commit", [name, commit] if name in ("main", SIDE):
                if commit not in chains.get(name, ()):
                    yield f"the acknowledged commit {commit[:12]} on {name} is lost"
            case "branch", [name] if name not in branches:
                yield f"the acknowledged branch {name} is lost"
            case "no branch", [name] if name in branches:
                yield f"the branch {name} was deleted, and is there"
            case "tag", [name, commit] if tags.get(name) != commit:
                yield f"the acknowledged tag {name} is lost"
            case "alias", [resource, name, digest]:
                aliases[resource, name] = digest
            case _:
                pass
    for (resource, name), digest in aliases.items():
        rid = work.registry.get_info(resource).id
        if history.names.alias(rid, name) != digest:
            yield f"the acknowledged alias {name} of {resource} is lost"
