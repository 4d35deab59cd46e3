"""``agp evolve``: evolve an agent on a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from agp.cli.grouped import grouped
from agp.cli.options import (
    MAIN,
    Branch,
    Budget,
    Critic,
    Format,
    Models,
    Output,
    PermissionMode,
    Place,
    Reflector,
    Samples,
)

_SEARCH = "Search"
_GATE = "Splits and gate"


class ModeOption(StrEnum):
    """Which variables may change; `agp.sepl.variables.Mode`."""

    prompt = "prompt"
    solution = "solution"
    joint = "joint"


class Accept(StrEnum):
    """The gate's rule; `agp.sepl.gate.Rule`."""

    non_degrading = "non_degrading"
    significant = "significant"
    sequential = "sequential"


class SpendOption(StrEnum):
    """How α is divided between decisions on one holdout; `agp.sepl.gate.Spend`."""

    later = "later"
    always = "always"
    never = "never"


class SpendingOption(StrEnum):
    """How α is divided between the looks of one decision; `agp.sepl.statistics.Spending`."""

    pocock = "pocock"
    obrien_fleming = "obrien_fleming"


@dataclass(frozen=True)
class Search:
    """How to look for something better."""

    mode: Annotated[
        ModeOption,
        typer.Option(
            help="What may change: prompts, the solution of each sample, or both.",
            rich_help_panel=_SEARCH,
        ),
    ] = ModeOption.prompt
    optimizer: Annotated[
        str, typer.Option(help="How changes are found.", rich_help_panel=_SEARCH)
    ] = "reflection"
    rounds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=100_000,
            help="At most this many; by default 3, or as many as --budget-evaluations last.",
            rich_help_panel=_SEARCH,
        ),
    ] = None
    candidates: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=100, help="Proposals a round, at most.", rich_help_panel=_SEARCH
        ),
    ] = 2
    screen: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=10_000,
            help="Samples a proposal meets first.",
            rich_help_panel=_SEARCH,
        ),
    ] = 4

    evolve: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Also let this evolve, as far as the policy lets it: tool/*, "
            "agent/x:params/policy, tool/+ for new tools; repeatable.",
            rich_help_panel=_SEARCH,
        ),
    ] = None

    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A parameter of the optimizer: K=4; repeatable. See docs/optimizers.md.",
            rich_help_panel=_SEARCH,
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """The same as settings of a run. Raises InputError for a parameter it cannot read."""
        return {
            **vars(self),
            "mode": self.mode.value,
            "evolve": self.evolve or [],
            "parameters": parameters(self.parameters or []),
        }


_Size = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=1_000_000,
        help="Its samples; name all three or none.",
        rich_help_panel=_GATE,
    ),
]


@dataclass(frozen=True)
class Gate:
    """What a change must show before it goes live."""

    feedback: _Size = None
    selection: _Size = None
    holdout: _Size = None
    accept: Annotated[
        Accept,
        typer.Option(
            help="significant: an exact paired test on the holdout; sequential: the same, looking "
            "several times and repeating the holdout; non_degrading: its mean must not fall.",
            rich_help_panel=_GATE,
        ),
    ] = Accept.significant
    alpha: Annotated[
        float,
        typer.Option(
            metavar="X", help="Largest p-value that is accepted (0 to 1).", rich_help_panel=_GATE
        ),
    ] = 0.05
    guard: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=FACTOR",
            help="At most FACTOR times the incumbent's tokens, cost or seconds; repeatable.",
            rich_help_panel=_GATE,
        ),
    ] = None

    alpha_spend: Annotated[
        SpendOption,
        typer.Option(
            help="Further decisions on one holdout share what is left of α (later), the first "
            "has its share too (always), or each has all of it (never).",
            rich_help_panel=_GATE,
        ),
    ] = SpendOption.later
    epochs: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=100,
            help="sequential: run the holdout this often, at most.",
            rich_help_panel=_GATE,
        ),
    ] = 3
    blocks: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=100,
            help="sequential: looks within the first epoch.",
            rich_help_panel=_GATE,
        ),
    ] = 2
    spending: Annotated[
        SpendingOption,
        typer.Option(
            help="sequential: how looks share α; pocock stops early more often.",
            rich_help_panel=_GATE,
        ),
    ] = SpendingOption.pocock
    futility: Annotated[
        float,
        typer.Option(
            metavar="X",
            help="sequential: give up below this chance of success (0: never).",
            rich_help_panel=_GATE,
        ),
    ] = 0.05

    def settings(self) -> dict[str, Any]:
        """The same as settings of a run. Raises InputError for a guard it cannot read."""
        gate = {
            "rule": self.accept.value,
            "alpha": self.alpha,
            "guards": guards(self.guard or []),
            "spend": self.alpha_spend.value,
            "epochs": self.epochs,
            "blocks": self.blocks,
            "spending": self.spending.value,
            "futility": self.futility,
        }
        sizes = {name: getattr(self, name) for name in ("feedback", "selection", "holdout")}
        return {**sizes, "gate": gate}


def parameters(given: Sequence[str]) -> dict[str, Any]:
    """``["K=4"]`` → ``{"K": 4}``: values as JSON, or else as text. Raises InputError."""
    import json

    from agp.errors import InputError

    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise InputError(f"{text!r} is not a parameter.", hint="Write NAME=VALUE: --set K=4")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def guards(given: Sequence[str]) -> dict[str, float]:
    """``["tokens=1.5"]`` → ``{"tokens": 1.5}``. Raises InputError."""
    import math

    from agp.errors import InputError

    found: dict[str, float] = {}
    for text in given:
        metric, _, factor = text.partition("=")
        try:
            found[metric] = float(factor)
        except ValueError:
            found[metric] = math.nan
        if not math.isfinite(found[metric]):
            raise InputError(
                f"{text!r} is not a guard.", hint="Write METRIC=FACTOR: --guard tokens=1.5"
            )
    return found


@grouped
def evolve(
    benchmark: Annotated[str, typer.Argument(help="NAME or NAME:TASK; see agp bench list.")],
    place: Place,
    models: Models,
    samples: Samples,
    search: Search,
    gate: Gate,
    budget: Budget,
    reflector: Reflector = None,
    critic: Critic = None,
    branch: Branch = MAIN,
    permissions: PermissionMode = None,
    output: Output = Format.table,
) -> None:
    """Evolve an agent on a benchmark; what passes the gate becomes the live version.

    The samples are split in three: feedback is what reflection sees, selection what the search
    scores, the holdout decides and is touched at the end only. Stop it any time; agp resume
    carries on. --mode solution changes nothing that is stored: it lets the agent refine its
    answers, and says what that is worth.

    Examples:

      agp evolve gsm8k --limit 60

      agp evolve reasoning_gym:count_bits --agent tool_calling --limit 80 --rounds 2

      agp evolve humaneval --mode solution --rounds 3 --limit 60

      agp evolve gsm8k --reflector anthropic/claude-sonnet-4-5 --guard tokens=1.5 --budget-usd 2
    """
    from agp.cli.opening import opened
    from agp.cli.progress import progress
    from agp.cli.report import show_report
    from agp.in_sync import in_sync

    settings: dict[str, Any] = {
        **samples.settings(),
        **search.settings(),
        **gate.settings(),
        "budget": budget.limits(),
    }
    tested = gate.accept is not Accept.non_degrading
    with opened(
        place,
        models,
        reflector=reflector,
        critic=critic,
        branch=branch,
        create=True,
        permissions=permissions,
    ) as project:
        with progress(tested=tested) as watch:
            work = project.aevolve(benchmark, samples.agent, observer=watch, **settings)
            report = in_sync(work)
        show_report(report, output, place)
