"""``agp rollout``: from shadow through canary to active, with evidence and a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Models, Output, Place, Samples

if TYPE_CHECKING:
    from agp.project import Project
    from agp.rspl.entities import ResourceId
    from agp.sepl.rollout import Lane, Rollout, Rollouts

Side = Literal["live", "candidate"]
Which = Annotated[
    str | None, typer.Argument(metavar="[ROLLOUT]", help="Default: the one on the branch.")
]
Share = Annotated[float, typer.Option(min=0.0, max=1.0, help="The canary's part of the tasks.")]

app = typer.Typer(
    name="rollout",
    no_args_is_help=True,
    help="Roll a candidate out to users: shadow, canary, active.\n\nExamples:\n\n"
    "  agp branch create trial\n\n  agp evolve gsm8k --branch trial\n\n"
    "  agp rollout start trial\n\n  agp rollout bench gsm8k --limit 40\n\n  agp rollout advance",
)


@app.command()
@grouped
def start(
    target: Annotated[str, typer.Argument(help="A commit, tag or branch; or RESOURCE@VERSION.")],
    place: Place,
    stage: Annotated[str, typer.Option(help="shadow or canary.")] = "shadow",
    share: Share = 0.1,
    least: Annotated[
        int, typer.Option(metavar="N", min=1, help="Comparisons in a stage before the next.")
    ] = 30,
    drop: Annotated[
        float, typer.Option(help="How far its mean score may lie below what is live (of 1).")
    ] = 0.02,
    errors: Annotated[float, typer.Option(help="The share of its tasks that may fail.")] = 0.05,
    alpha: Annotated[float, typer.Option(help="The chance of a false alarm in a stage.")] = 0.01,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Begin to roll out what a commit (or a branch since it was made) changed.

    As a shadow the candidate runs beside what is live, and nobody gets its answers. Tools that act
    on the outside world act twice then.

    Examples:

      agp rollout start trial

      agp rollout start prompt/solver@1.0.3 --stage canary --share 0.05
    """
    from agp.errors import InputError
    from agp.sepl.rollout import Stage, Thresholds

    if stage not in [each.value for each in Stage]:
        raise InputError(f"There is no stage {stage!r}.", hint="Stages: shadow, canary")
    limits = Thresholds(share=share, least=least, drop=drop, errors=errors, alpha=alpha)
    with _rollouts(place, branch) as (project, rollouts):
        what = _target(project, target)
        made = rollouts.start(what, branch, stage=Stage(stage), thresholds=limits)
        _show(made, output)


@app.command()
@grouped
def status(
    place: Place, rollout: Which = None, branch: Branch = MAIN, output: Output = Format.table
) -> None:
    """Show where a rollout stands, and what it waits for.

    Examples:

      agp rollout status

      agp rollout status rollout-20260101-120000-ab12 -f json
    """
    with _rollouts(place, branch) as (_, rollouts):
        _show(_found(rollouts, rollout, branch), output)


@app.command("list")
@grouped
def list_all(place: Place, output: Output = Format.table) -> None:
    """List the rollouts of the store, newest first.

    Examples:

      agp rollout list
    """
    from agp.cli.render import print_json, print_table

    with _rollouts(place, MAIN) as (_, rollouts):
        found = rollouts.every()
    if output is Format.json:
        print_json([each.model_dump(mode="json", exclude={"outcomes", "served"}) for each in found])
        return
    rows = [(r.id, r.branch, r.ended or r.stage.value, r.why or r.candidate) for r in found]
    print_table(("rollout", "branch", "stage", "what"), rows, empty="No rollout yet.")


@app.command()
@grouped
def record(
    task: Annotated[str, typer.Argument(help="The task's name, as agp run --rollout told it.")],
    place: Place,
    score: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="How well it went, from 0 to 1.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="It failed.")] = False,
    lane: Annotated[
        Side | None, typer.Option(help="Who answered; default: who did, by agp run --rollout.")
    ] = None,
    rollout: Annotated[str | None, typer.Option(help="Default: the one on the branch.")] = None,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Record how a task went. Outcomes that speak against the candidate end the rollout.

    Examples:

      agp rollout record 3f2a9c01b7-a1b2c3 --score 1

      agp rollout record ticket-77 --lane candidate --failed
    """
    from agp.errors import InputError

    if (score is None) == (not failed):
        raise InputError("Say how it went: --score S, or --failed.")
    with _rollouts(place, branch) as (_, rollouts):
        found = _found(rollouts, rollout, branch)
        sides: list[Lane] = [lane] if lane else found.served.get(task, [])
        if len(sides) != 1:
            raise InputError(f"Who answered {task}?", hint="Say --lane live or --lane candidate.")
        _show(rollouts.record(found.id, [(task, sides[0], score)]), output)


@app.command()
@grouped
def bench(
    benchmark: Annotated[str, typer.Argument(help="NAME or NAME:TASK; see agp bench list.")],
    place: Place,
    models: Models,
    samples: Samples,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Run a benchmark on what is live and on the candidate, and record both sides.

    Examples:

      agp rollout bench gsm8k --limit 40 --seed 3
    """
    from agp.cli.opening import opened
    from agp.cli.progress import progress
    from agp.in_sync import in_sync
    from agp.sepl.rollout import Rollouts
    from agp.sepl.rollout.serve import measure

    with opened(place, models, branch=branch) as project:
        rollouts = Rollouts(project.history, project.registry.author)
        found = _found(rollouts, None, branch)

        async def scoring(lock: object) -> object:
            settings: dict[str, Any] = {**samples.settings(), "lock": lock}
            with progress() as watch:
                return await project.abench(benchmark, samples.agent, observer=watch, **settings)

        _show(in_sync(measure(rollouts, found, scoring)), output)


@app.command()
@grouped
def advance(
    place: Place, rollout: Which = None, branch: Branch = MAIN, output: Output = Format.table
) -> None:
    """Go on to the next stage, where the evidence suffices: shadow, canary, active, done.

    Active is a commit. From then on outcomes watch for drift; advancing once more ends the watch.

    Examples:

      agp rollout advance
    """
    with _rollouts(place, branch) as (_, rollouts):
        _show(rollouts.advance(_found(rollouts, rollout, branch).id), output)


@app.command()
@grouped
def abort(
    place: Place,
    rollout: Which = None,
    reason: Annotated[str, typer.Option("-m", "--message", help="Why.")] = "",
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """End a rollout. If the candidate is live, a commit brings the old versions back.

    Examples:

      agp rollout abort -m "users complain"
    """
    with _rollouts(place, branch) as (_, rollouts):
        _show(rollouts.abort(_found(rollouts, rollout, branch).id, reason), output)


class _rollouts:  # noqa: N801  (read as the function it stands for)
    """The project of a command and its rollouts."""

    def __init__(self, place: Place, branch: str) -> None:
        from agp.cli.opening import opened

        self._opened = opened(place, branch=branch)

    def __enter__(self) -> tuple[Project, Rollouts]:
        from agp.sepl.rollout import Rollouts

        project = self._opened.__enter__()
        return project, Rollouts(project.history, project.registry.author)

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(*error)  # type: ignore[arg-type]


def _found(rollouts: Rollouts, name: str | None, branch: str) -> Rollout:
    from agp.errors import InputError

    if name is not None:
        return rollouts.get(name)
    if (found := rollouts.on(branch)) is None:
        raise InputError(f"No rollout is under way on {branch}.", hint="agp rollout start COMMIT")
    return found


def _target(project: Project, target: str) -> str | dict[ResourceId, str]:
    from agp.cli.naming import find_version

    if "@" not in target:
        return target
    found = find_version(project, target)
    return {found.rid: found.record.digest}


def _show(rollout: Rollout, output: Format) -> None:
    from dataclasses import asdict

    from agp.cli.render import percent, points, print_json, short
    from agp.sepl.rollout import standing

    found = standing(rollout)
    if output is Format.json:
        told = rollout.model_dump(mode="json", exclude={"outcomes", "served"})
        print_json({**told, "standing": asdict(found)})
        return
    limits = rollout.thresholds
    share = f" ({100 * limits.share:g} % of tasks)" if rollout.stage.value == "canary" else ""
    state = f"{rollout.ended}: {rollout.why}" if rollout.ended else f"{rollout.stage.value}{share}"
    lines = [f"{rollout.id} on {rollout.branch}: {state}"]
    for name, (_, after) in rollout.changes.items():
        lines.append(f"  {name} → {short(after)}")
    gap = "-" if found.difference is None else f"{points(found.difference)} points"
    lines.append(
        f"  candidate {percent(found.candidate)}, live {percent(found.live)}, difference {gap} "
        f"over {found.pairs} comparisons, {percent(found.failed)} of {found.n} failed"
    )
    if rollout.commit:
        lines.append(f"  live since commit {short(rollout.commit)}")
    if not rollout.ended:
        lines.append(f"  {found.waits or 'may go on: agp rollout advance'}")
    typer.echo("\n".join(lines))
