"""What several commands take: single options, and groups of them as dataclasses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

MAIN = "main"
LARGEST_SEED = 2**31 - 1
_MANY = 1_000_000
_HUGE = 10**15
_PLACE = "Project and store"
_MODELS = "Models"
_SAMPLES = "Agent and samples"
_BUDGET = "Budget: the run stops before it would exceed one; agp resume goes on"


class Format(StrEnum):
    """How output that is data is printed."""

    table = "table"
    json = "json"


class Permission(StrEnum):
    """How the rules of the policy are applied; `agp.permissions.Mode`."""

    plan = "plan"
    default = "default"
    ask = "ask"
    auto = "auto"
    dontAsk = "dontAsk"  # noqa: N815 (it is written so)
    locked = "locked"


def finite(value: float | None) -> float | None:
    """Refuse nan and inf, which compare with nothing and cannot be stored."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("must be a finite number.")
    return value


Output = Annotated[Format, typer.Option("-f", "--format", help="table or json")]
Branch = Annotated[str, typer.Option(help="The branch to read, and to change.")]
Limit = Annotated[
    int, typer.Option(metavar="N", min=1, max=_MANY, help="At most this many, newest first.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Lock = Annotated[
    Path | None, typer.Option(help="Run what a lock file holds instead of what is live.")
]
Seed = Annotated[
    int,
    typer.Option(
        metavar="N", min=0, max=LARGEST_SEED, help="Decides samples, splits and sampling."
    ),
]
PermissionMode = Annotated[
    Permission | None,
    typer.Option(
        "--permissions",
        help="What agents may do and what may be committed: the policy, in this mode; default: "
        "the mode in agp.policy.toml.",
        rich_help_panel="Permissions",
    ),
]
Reflector = Annotated[
    str | None,
    typer.Option(
        help="The model that proposes changes; default: --model.", rich_help_panel=_MODELS
    ),
]

Critic = Annotated[
    str | None,
    typer.Option(
        help="The model that criticises answers (textgrad); default: --reflector.",
        rich_help_panel=_MODELS,
    ),
]


@dataclass(frozen=True)
class Place:
    """Which project, and which store."""

    project: Annotated[
        Path, typer.Option(metavar="DIR", help="The project's folder.", rich_help_panel=_PLACE)
    ] = Path()
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A file or database URL; default: AGP_STORE, agp.toml, .agp/store.db.",
            rich_help_panel=_PLACE,
        ),
    ] = None

    @property
    def flags(self) -> str:
        """What to add to a command so that it means the same place."""
        project = f" --project {self.project}" if self.project != Path() else ""
        return project + (f" --store {self.store}" if self.store else "")


@dataclass(frozen=True)
class Models:
    """Which model the agents call, and where."""

    model: Annotated[
        str | None,
        typer.Option(
            help="What agents call: embedded, or any LiteLLM model string; default: agp.toml, "
            "then embedded.",
            rich_help_panel=_MODELS,
        ),
    ] = None
    api_base: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="An OpenAI-compatible server (Ollama, llama.cpp, vLLM, LM Studio).",
            rich_help_panel=_MODELS,
        ),
    ] = None


@dataclass(frozen=True)
class Samples:
    """Which agent, which samples, how many at once."""

    agent: Annotated[
        str,
        typer.Option(help="Default: the one that suits the benchmark.", rich_help_panel=_SAMPLES),
    ] = ""
    data: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The benchmark's data.", rich_help_panel=_SAMPLES),
    ] = None
    hub: Annotated[
        bool,
        typer.Option(help="May data come from the Hugging Face hub?", rich_help_panel=_SAMPLES),
    ] = True
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=_MANY,
            help="Use this many samples, drawn by --seed.",
            rich_help_panel=_SAMPLES,
        ),
    ] = None
    seed: Seed = 0
    concurrency: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=1000,
            help="Samples under way at once; default: 8, or 1 on the embedded model.",
            rich_help_panel=_SAMPLES,
        ),
    ] = None

    sample_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0,
            callback=finite,
            help="What one sample may take, with all its calls; beyond, it is ended and counts 0.",
            rich_help_panel=_SAMPLES,
        ),
    ] = None
    scorer_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0,
            callback=finite,
            help="What scoring one answer may take; default: 60 for scorers that compute.",
            rich_help_panel=_SAMPLES,
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """The same as settings of a run; the agent is not one of them."""
        return {
            "data": self.data,
            "allow_hub": self.hub,
            "limit": self.limit,
            "seed": self.seed,
            "concurrency": self.concurrency,
            "sample_seconds": self.sample_seconds,
            "scorer_seconds": self.scorer_seconds,
        }


@dataclass(frozen=True)
class Budget:
    """Limits of a run."""

    budget_calls: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=_HUGE, help="Model calls.", rich_help_panel=_BUDGET),
    ] = None
    budget_tokens: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=_HUGE, help="Input and output tokens.", rich_help_panel=_BUDGET
        ),
    ] = None
    budget_usd: Annotated[
        float | None,
        typer.Option(
            metavar="X", min=0, callback=finite, help="US dollars.", rich_help_panel=_BUDGET
        ),
    ] = None
    budget_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=0,
            callback=finite,
            help="Wall time in seconds.",
            rich_help_panel=_BUDGET,
        ),
    ] = None

    budget_evaluations: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=_HUGE, help="Samples that are begun.", rich_help_panel=_BUDGET
        ),
    ] = None
    budget_commits: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=0, max=_HUGE, help="Commits it makes itself.", rich_help_panel=_BUDGET
        ),
    ] = None

    def limits(self) -> dict[str, float]:
        """The limits that were given."""
        given = {
            "calls": self.budget_calls,
            "tokens": self.budget_tokens,
            "cost_usd": self.budget_usd,
            "seconds": self.budget_seconds,
            "evaluations": self.budget_evaluations,
            "commits": self.budget_commits,
        }
        return {name: value for name, value in given.items() if value is not None}
