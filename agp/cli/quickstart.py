"""``agp quickstart``: a real agent evolves on a real benchmark, with a model on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Models, Output, Place, Reflector, Seed

if TYPE_CHECKING:
    from agp.project import Project

FOLDER = Path("quickstart")
BENCHMARK = "reasoning_gym:count_bits"
AGENT = "program"
FEEDBACK, SELECTION, HOLDOUT = 6, 6, 12
ROUNDS = 1
CANDIDATES = 4
SCREEN = 2


@grouped
def quickstart(
    models: Models,
    benchmark: Annotated[str, typer.Option(help="NAME or NAME:TASK; see agp bench list.")] = (
        BENCHMARK
    ),
    agent: Annotated[str, typer.Option(help="The agent that evolves.")] = AGENT,
    seed: Seed = 0,
    folder: Annotated[Path, typer.Option(metavar="DIR", help="The project it works in.")] = FOLDER,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="A file or database URL.")
    ] = None,
    reflector: Reflector = None,
    output: Output = Format.table,
) -> None:
    """Watch an agent evolve: no key, no server, no network after the first download.

    Every invocation starts from the agent as it is shipped, on a branch of its own, so that runs
    with other seeds or benchmarks can be compared.

    Examples:

      agp quickstart

      agp quickstart --seed 7

      agp quickstart --benchmark gsm8k --agent solver
    """
    from agp.cli.init import make_project
    from agp.cli.opening import opened
    from agp.cli.progress import progress
    from agp.cli.report import show_report
    from agp.evaluation.catalog import find_benchmark
    from agp.in_sync import in_sync
    from agp.rspl.entities import EntityType

    place = Place(project=folder, store=store)
    make_project(folder)
    with opened(place, models, reflector=reflector, create=True) as project:
        find_benchmark(benchmark, project.benchmark_folders)
        project.registry.view().find(agent, EntityType.AGENT)
        _get_weights(project)
        branch = fresh_branch(project, f"quickstart-{seed}-{benchmark}")
        for line in _what_happens(project, benchmark, agent, branch):
            typer.echo(line, err=True)
        with progress() as watch:
            work = project.aevolve(benchmark, agent, observer=watch, **_settings(seed))
            report = in_sync(work)
        show_report(report, output, place)
    if output is Format.table:
        _how_to_look(place, branch, report.commit)


def _settings(seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "limit": FEEDBACK + SELECTION + HOLDOUT,
        "feedback": FEEDBACK,
        "selection": SELECTION,
        "holdout": HOLDOUT,
        "rounds": ROUNDS,
        "candidates": CANDIDATES,
        "screen": SCREEN,
    }


def fresh_branch(project: Project, wanted: str) -> str:
    """Stand on a new branch that has the shipped resources live, whatever was evolved before."""
    base = re.sub(r"[^A-Za-z0-9_.-]+", "-", wanted)
    taken = project.history.branches()
    names = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))]
    name = next(name for name in names if name not in taken)
    first = project.history.log()[-1]
    project.history.create_branch(name, at=first.id)
    project.registry.branch = name
    project.registry.init(project.roots)
    return name


def _get_weights(project: Project) -> None:
    """Fetch the embedded model if this project uses it and it is not here."""
    from agp.models.names import canonical_model

    used = {canonical_model(role.model) for role in project.models.values()}
    for model in sorted(model for model in used if model.startswith("embedded/")):
        from agp.cli.models import fetch

        fetch(model)


def _what_happens(project: Project, benchmark: str, agent: str, branch: str) -> list[str]:
    model = project.models["solver"].model
    return [
        f"The agent {agent} will be scored on {benchmark} with the model {model}.",
        f"In up to {ROUNDS} rounds its prompt is changed in ways the model itself proposes after "
        "reading failures;",
        f"what is better on {HOLDOUT} samples the search never saw, beyond chance, is committed.",
        f"Project: {project.folder}, branch {branch}. Stop it any time with Ctrl-C.",
    ]


def _how_to_look(place: Place, branch: str, commit: str | None) -> None:
    on = f"{place.flags} --branch {branch}"
    lines = [
        ("What happened, commit by commit", f"agp log{on}"),
        ("The evidence for the change", f"agp show{place.flags} {commit[:12]}" if commit else ""),
        ("The same with other data", "agp quickstart --seed 1"),
    ]
    typer.echo("\nLook further:")
    for what, command in lines:
        if command:
            typer.echo(f"  {what + ':':<34}{command}")
