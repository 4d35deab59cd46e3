"""``agp bench``: score an agent on a benchmark; and what a benchmark file does when it is run."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli.failures import guarded
from agp.cli.grouped import grouped
from agp.cli.noise import noise
from agp.cli.options import (
    MAIN,
    Branch,
    Budget,
    Format,
    Lock,
    Models,
    Output,
    Permission,
    PermissionMode,
    Place,
    Samples,
)

if TYPE_CHECKING:
    from agp.evaluation.types import Benchmark


@dataclass(frozen=True)
class What:
    """What is scored: the agent as it is live or was, how often, and how often it may refine."""

    refine: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=100, help="How often the agent may improve on its own answer."
        ),
    ] = 0
    epochs: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=1000,
            help="Run each sample so often; its score is the mean.",
        ),
    ] = 1
    lock: Lock = None
    at: Annotated[
        str | None,
        typer.Option(help="Run at a commit, a tag or a branch instead of what is live."),
    ] = None
    branch: Branch = MAIN


app = typer.Typer(
    name="bench",
    no_args_is_help=True,
    help="Score agents on benchmarks.\n\nExamples:\n\n"
    "  agp bench list\n\n"
    "  agp bench run gsm8k --limit 40\n\n"
    "  agp bench run reasoning_gym:count_bits --agent tool_calling --seed 7\n\n"
    "  agp bench noise gsm8k --limit 40 --repetitions 5",
)
app.command()(noise)


@app.command("list")
@grouped
def list_all(place: Place, output: Output = Format.table) -> None:
    """List the benchmarks of the project and of agp.

    Examples:

      agp bench list

      agp bench list -f json
    """
    from agp.cli.render import print_json, print_table
    from agp.evaluation.catalog import list_benchmarks
    from agp.rspl.discovery import library_root

    folders = [root / "benchmarks" for root in dict.fromkeys((place.project, library_root()))]
    rows = list_benchmarks(folders)
    if output is Format.json:
        keys = ("name", "description", "file")
        print_json([dict(zip(keys, map(str, row), strict=True)) for row in rows])
        return
    print_table(("name", "what it is"), [row[:2] for row in rows])


@app.command()
@grouped
def run(
    benchmark: Annotated[str, typer.Argument(help="NAME or NAME:TASK; see agp bench list.")],
    place: Place,
    models: Models,
    samples: Samples,
    budget: Budget,
    what: What,
    permissions: PermissionMode = None,
    output: Output = Format.table,
) -> None:
    """Score an agent on a benchmark, with the interval.

    Results are kept by content: the same agent, samples, model and seed are not paid for twice.

    Examples:

      agp bench run gsm8k --limit 40

      agp bench run humaneval --refine 3 --budget-tokens 200000

      agp bench run aime24 --data ./aime --model openai/NAME --api-base http://localhost:8080/v1

      agp bench run gsm8k --lock agent.lock.json -f json
    """
    settings = {**samples.settings(), "budget": budget.limits()}
    score(
        benchmark,
        settings,
        what,
        place,
        models,
        agent=samples.agent,
        output=output,
        permissions=permissions,
    )


def score(
    benchmark: str | Benchmark,
    settings: dict[str, Any],
    what: What,
    place: Place,
    models: Models,
    *,
    agent: str,
    output: Format,
    permissions: Permission | None = None,
) -> None:
    """Carry out a benchmark run and print its report. Exits with 1 if nothing could be scored."""
    from agp.cli.opening import opened
    from agp.cli.progress import progress
    from agp.cli.report import show_report
    from agp.in_sync import in_sync

    settings = {
        **settings,
        "refine": what.refine,
        "epochs": what.epochs,
        "lock": what.lock,
        "commit": what.at,
    }
    with opened(place, models, branch=what.branch, create=True, permissions=permissions) as project:
        with progress() as watch:
            report = in_sync(project.abench(benchmark, agent, observer=watch, **settings))
        show_report(report, output, place)
    if report.vanilla is None:
        raise typer.Exit(1)


def main(kind: type[Benchmark]) -> None:
    """The command line of a benchmark file: ``agp bench run`` and the benchmark's own options.

    Parameters: ``kind`` is the benchmark of the file; what its constructor takes are options.
    """
    guarded(lambda: typer.run(_script(kind)))


def _script(kind: type[Benchmark]) -> Any:
    def script(
        place: Place,
        models: Models,
        samples: Samples,
        budget: Budget,
        what: What,
        permissions: PermissionMode = None,
        output: Output = Format.table,
        **own: Any,
    ) -> None:
        settings = {**samples.settings(), "budget": budget.limits()}
        benchmark = kind(**own)
        score(
            benchmark,
            settings,
            what,
            place,
            models,
            agent=samples.agent,
            output=output,
            permissions=permissions,
        )

    script.__doc__ = f"Score an agent. {kind.description}"
    return grouped(script, _own_options(kind))


def _own_options(kind: type[Benchmark]) -> list[inspect.Parameter]:
    return [
        parameter.replace(
            kind=inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[
                str if parameter.annotation is inspect.Parameter.empty else parameter.annotation,
                typer.Option(help="A setting of this benchmark.", rich_help_panel=kind.name),
            ],
        )
        for parameter in inspect.signature(kind, eval_str=True).parameters.values()
        if parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    ]
