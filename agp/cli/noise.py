"""``agp bench noise``: how much of a difference is chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Budget, Format, Models, Output, Place, Samples

if TYPE_CHECKING:
    from agp.sepl.noise import Noise, NoiseReport


@grouped
def noise(
    benchmark: Annotated[str, typer.Argument(help="NAME or NAME:TASK; see agp bench list.")],
    place: Place,
    models: Models,
    samples: Samples,
    budget: Budget,
    repetitions: Annotated[
        int, typer.Option(metavar="N", min=2, max=1000, help="Runs of the unchanged agent.")
    ] = 5,
    alpha: Annotated[
        float, typer.Option(metavar="X", help="The level of the gate's rules (0 to 1).")
    ] = 0.05,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Run an unchanged agent several times and report what a difference by chance looks like.

    It tells the noise floor: the difference that two identical agents show once in 20 times. And
    it tells how often each rule of the gate would have taken such a difference for a gain.
    Repetitions are never answered from each other's cache.

    Examples:

      agp bench noise gsm8k --limit 40 --repetitions 5

      agp bench noise reasoning_gym:count_bits --agent tool_calling --limit 30 -f json
    """
    from agp.cli.opening import opened
    from agp.cli.progress import progress
    from agp.cli.render import print_json
    from agp.in_sync import in_sync

    settings: dict[str, Any] = {
        **samples.settings(),
        "budget": budget.limits(),
        "repetitions": repetitions,
        "gate": {"alpha": alpha},
    }
    with opened(place, models, branch=branch, create=True) as project:
        with progress() as watch:
            work = project.anoise(benchmark, samples.agent, observer=watch, **settings)
            report = in_sync(work)
        if output is Format.json:
            print_json(report.model_dump(mode="json"))
        else:
            _show(report, alpha, place)
    if report.noise is None:
        raise typer.Exit(1)


def _show(report: NoiseReport, alpha: float, place: Place) -> None:
    from agp.cli.report import show_report

    show_report(report, Format.table, place)
    if report.noise is not None:
        _show_noise(report.noise, alpha)


def _show_noise(noise: Noise, alpha: float) -> None:
    from agp.cli.render import console, percent, print_table, styled

    def points(value: float) -> str:
        return f"{100 * value:.1f} points"

    rows = [
        ("samples × repetitions", f"{noise.n} × {noise.repetitions}"),
        ("two repetitions differ on a sample", percent(noise.flip_rate)),
        ("standard deviation of the mean", points(noise.mean_sd)),
        ("noise floor: 95 % of differences are below", points(noise.floor)),
        ("largest difference seen", points(noise.largest)),
    ]
    rows += [
        (f"{rule} accepts (α = {alpha:g})", percent(share))
        for rule, share in noise.false_accepts.items()
    ]
    print_table(("an unchanged agent", ""), rows)
    if noise.flips:
        flips = [(each.sample, percent(each.rate), percent(each.mean)) for each in noise.flips]
        print_table(("sample", "differs", "mean"), flips)
    if noise.note:
        console().print(styled(noise.note, "yellow"), soft_wrap=True)
