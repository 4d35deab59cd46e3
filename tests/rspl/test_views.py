"""Views and what is made of them: overlays, closures, diffs, locks, lineage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agp.errors import InputError
from agp.rspl.entities import ResourceId
from agp.rspl.lineage.diff import diff_records, diff_views
from agp.rspl.lineage.graph import ancestors, merge_base, version_graph
from agp.rspl.lock import read_lock, write_lock
from agp.rspl.registry import Registry

from .helpers import prompt

SOLVER = ResourceId.parse("agent/solver")
PROMPT = ResourceId.parse("prompt/solver")


def test_an_overlay_changes_its_own_view_only(registry: Registry) -> None:
    view = registry.view()
    candidate = view.with_overlay([prompt("solver", system="Candidate.")])
    assert candidate.record(PROMPT).params["system"] == "Candidate."
    assert view.record(PROMPT).params["system"] != "Candidate."
    assert registry.view().digest == view.digest != candidate.digest


def test_a_closure_digest_moves_with_what_is_used_and_with_nothing_else(
    registry: Registry,
) -> None:
    view = registry.view()
    used = view.with_overlay([prompt("solver", system="x")])
    unused = view.with_overlay([prompt("refine", system="x")])
    assert used.closure_digest(SOLVER) != view.closure_digest(SOLVER)
    assert unused.closure_digest(SOLVER) == view.closure_digest(SOLVER)


def test_a_lock_file_gives_the_same_digests_without_the_store(
    registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "agp.lock.json"
    registry.set_variables(PROMPT, {"params/system": "Ünïcode — 数学 \u2028."})
    view = registry.view()
    write_lock(view, path, registry.history, about={"seed": 3})
    locked, about = read_lock(path)
    assert (locked.digest, about) == (view.digest, {"seed": 3})
    assert locked.closure_digest(SOLVER) == view.closure_digest(SOLVER)
    assert locked.record(PROMPT) == view.record(PROMPT)


@pytest.mark.parametrize("tamper", ["record", "drop", "format", "text"])
def test_a_tampered_lock_file_is_refused(registry: Registry, tmp_path: Path, tamper: str) -> None:
    path = tmp_path / "agp.lock.json"
    write_lock(registry.view(), path, registry.history)
    content = json.loads(path.read_text())
    if tamper == "record":
        content["resources"]["prompt/solver"]["record"]["params"]["system"] = "Evil."
    elif tamper == "drop":
        del content["resources"]["prompt/solver"]
    elif tamper == "format":
        content["format"] = "other/9"
    path.write_text("{" if tamper == "text" else json.dumps(content))
    with pytest.raises(InputError, match=r"agp\.lock\.json"):
        read_lock(path)


def test_diffs_show_the_lines_that_changed(registry: Registry) -> None:
    before = registry.view()
    registry.set_variables(PROMPT, {"params/system": "One.\nTwo."})
    changed = dict(diff_views(before, registry.view()))
    assert list(changed) == [PROMPT]
    assert "+Two." in changed[PROMPT]
    assert diff_records(before.record(PROMPT), before.record(PROMPT)) == ""


def test_lineage_knows_ancestors_and_the_fork(registry: Registry) -> None:
    fork = registry.view().commit
    registry.history.create_branch("trial", at=fork)
    trial = Registry(registry.history, branch="trial")
    left = registry.set_variables(PROMPT, {"params/system": "left"})
    right = trial.set_variables(PROMPT, {"params/system": "right"})
    assert fork is not None
    assert left is not None
    assert right is not None
    assert ancestors(registry.history, left.id) == {fork}
    assert merge_base(registry.history, left.id, right.id) == fork
    graph = version_graph(registry.history, PROMPT)
    assert {graph.nodes[n]["semver"] for n in graph} == {"1.0.0", "1.0.1", "1.0.2"}
