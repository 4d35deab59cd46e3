"""``agp bisect``: which commit lost the points."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Models, Output, Place, Samples, finite

if TYPE_CHECKING:
    from agp.cli.progress import Progress
    from agp.project import Project
    from agp.rspl.commits import Commit
    from agp.rspl.lineage.bisect import Bisection
    from agp.runs.report import Report


@grouped
def bisect(
    good: Annotated[str, typer.Argument(help="A commit, tag or branch that was good.")],
    bad: Annotated[str, typer.Argument(help="A later one that is bad.")],
    place: Place,
    models: Models,
    samples: Samples,
    benchmark: Annotated[
        str, typer.Option("--benchmark", "-b", help="What scores them; see agp bench list.")
    ],
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            callback=finite,
            help="The least mean score that is good; default: half-way between the ends.",
        ),
    ] = None,
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Find the commit that lost the points, with few benchmark runs.

    The agent is scored at both ends, then half-way between, and so on. Commits that do not touch
    what the agent uses are not run, and scores that are known are not paid for again. A small
    difference needs many samples (--limit): a score that is chance misleads the search.

    Examples:

      agp bisect v1 main --benchmark gsm8k --limit 40

      agp bisect 3f2a9c01b7de 88d0e1f2a3b4 -b gsm8k --agent solver --threshold 0.6 -f json
    """
    from agp.cli.opening import opened
    from agp.cli.progress import progress
    from agp.cli.render import print_json

    with opened(place, models, branch=branch) as project, progress() as watch:
        judge = _Judge(project, benchmark, samples, watch)
        found = judge.search(good, bad, threshold)
    if output is Format.json:
        print_json({**asdict(found), "runs": judge.data()})
    else:
        _show(found, judge, place)
    if len(found.suspects) != 1:
        raise typer.Exit(1)


class _Judge:
    """Scores commits by benchmark runs, and counts what that took."""

    def __init__(self, project: Project, benchmark: str, samples: Samples, watch: Progress) -> None:
        self.project = project
        self.benchmark = benchmark
        self.samples = samples
        self.watch = watch
        self.reports: list[Report] = []

    def search(self, good: str, bad: str, threshold: float | None) -> Bisection:
        """Bisect with this judge."""
        from agp.evaluation.catalog import find_benchmark
        from agp.rspl.entities import EntityType
        from agp.rspl.lineage.bisect import bisect

        name = self.samples.agent
        if not name:
            name = find_benchmark(self.benchmark, self.project.benchmark_folders).agent
        history = self.project.history
        agent = history.view_at(bad).find(name, EntityType.AGENT)
        return bisect(history, good, bad, self._score, agent=agent, threshold=threshold)

    async def _score(self, commit: Commit) -> float | None:
        from agp.cli.render import percent, short

        report = await self.project.abench(
            self.benchmark,
            self.samples.agent,
            observer=self.watch,
            commit=commit.id,
            **self.samples.settings(),
        )
        self.reports.append(report)
        score = report.vanilla.mean if report.vanilla else None
        self.watch.note(f"{short(commit.id)} scores {percent(score)}: {commit.message}")
        return score

    def data(self) -> list[dict[str, Any]]:
        """The runs: their ids, samples, and how many of them were known before."""
        return [
            {"run": r.run, "samples": r.vanilla.n if r.vanilla else 0, "reused": r.reused}
            for r in self.reports
        ]


def _show(found: Bisection, judge: _Judge, place: Place) -> None:
    from agp.cli.evidence import figures
    from agp.cli.render import moment, percent, print_table, short

    verdicts = {True: "good", False: "bad", None: "not scored"}
    rows = [
        (short(each.commit.commit), percent(each.score), verdicts[each.good], each.commit.message)
        for each in found.judged
    ]
    print_table(("commit", "mean", "", "what and why"), rows)
    runs = judge.data()
    typer.echo(
        f"{len(runs)} runs of {sum(run['samples'] for run in runs)} samples in all, "
        f"{sum(run['reused'] for run in runs)} known before; {found.commits} commits, "
        f"{found.relevant} of which touch the agent; good is {percent(found.threshold)} and more."
    )
    if found.first_bad is None:
        typer.echo(f"One of these {len(found.suspects)} lost the points; most cannot be scored:")
    else:
        typer.echo("This commit lost the points:")
    for each in found.suspects:
        about = (each.commit[:12], moment(each.created_at), each.author, each.message)
        typer.echo(" ".join(filter(None, ("  " + about[0], *about[1:], figures(each.evidence)))))
    if found.first_bad is not None:
        commit = found.first_bad.commit[:12]
        typer.echo(f"What it changed: agp diff{place.flags} {commit}")
        typer.echo(f"Undo it: agp rollback{place.flags} {commit}")
