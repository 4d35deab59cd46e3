"""``agp run``: one agent, one task, one answer."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import (
    MAIN,
    Branch,
    Budget,
    Format,
    Lock,
    Models,
    Output,
    PermissionMode,
    Place,
    Seed,
)

if TYPE_CHECKING:
    from agp.runtime import Answer

_LARGEST_FILE = 5_000_000


@grouped
def run(
    agent: Annotated[str, typer.Argument(help="See: agp resources --type agent.")],
    task: Annotated[str, typer.Argument(help="What to do; - reads it from standard input.")],
    place: Place,
    models: Models,
    budget: Budget,
    file: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="A text file the agent may read; repeatable."),
    ] = None,
    seed: Seed = 0,
    lock: Lock = None,
    branch: Branch = MAIN,
    rollout: Annotated[
        bool,
        typer.Option("--rollout", help="Let the rollout on the branch decide who answers."),
    ] = False,
    permissions: PermissionMode = None,
    output: Output = Format.table,
) -> None:
    """Run an agent on one task and print its answer.

    Examples:

      agp run solver "What is 17 * 23?"

      agp run tool_calling "Sum the second column." --file table.csv

      echo "Name three primes above 100." | agp run solver -

      agp run solver "Hello" --model openai/gpt-5-mini
    """
    from agp.cli.opening import opened
    from agp.errors import InputError
    from agp.rspl.lock import read_lock
    from agp.rspl.origins import IMPORT
    from agp.runtime import Task

    work = Task(input=_text(task), files=_files(file or []))
    if lock and rollout:
        raise InputError("A lock file holds one state: --rollout does not go with --lock.")
    view = read_lock(lock)[0] if lock else None
    with (
        opened(place, models, branch=branch, create=True, permissions=permissions) as project,
        _waiting(agent),
    ):
        if view is not None:
            project.history.origins.meet(map(view.record, view), IMPORT)
        limits = budget.limits()
        answer = project.run(agent, work, view=view, seed=seed, budget=limits, rollout=rollout)
    _show(answer, output)


def _show(answer: Answer, output: Format) -> None:
    from agp.cli.render import note, print_json

    if output is Format.json:
        print_json(answer.model_dump(mode="json"))
    elif answer.text:
        typer.echo(answer.text)
    for line in answer.notes:
        note(line, "yellow")
    said = {
        "failed": f"The agent failed: {answer.detail}",
        "empty": "The model said nothing.",
        "cut_off": "The answer was cut off at the token limit of the agent (policy, max_tokens).",
    }
    if answer.ended in said:
        note(said[answer.ended], "yellow")
    if answer.ended in ("failed", "empty"):
        raise typer.Exit(1)


def _text(task: str) -> str:
    from agp.errors import InputError

    try:
        text = sys.stdin.read() if task == "-" else task
    except UnicodeDecodeError as error:
        raise InputError("Standard input is not UTF-8 text.") from error
    if not text.strip():
        raise InputError("The task is empty.", hint='Say what to do: agp run AGENT "TASK"')
    return text


def _files(paths: Sequence[Path]) -> dict[str, str]:
    """File name → text. Raises InputError."""
    from agp.errors import InputError

    found: dict[str, str] = {}
    for path in paths:
        if path.name in found:
            raise InputError(f"Two files are called {path.name}.", hint="Rename one of them.")
        try:
            if path.stat().st_size > _LARGEST_FILE:
                raise InputError(f"{path} is larger than {_LARGEST_FILE:,} bytes.")
            found[path.name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8 text.") from error
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return found


@contextmanager
def _waiting(agent: str) -> Generator[None]:
    """A spinner on a terminal: a local model takes its time. It stops for questions."""
    from agp.cli.asking import paused_by_questions
    from agp.cli.render import console

    err = console(stderr=True)
    if not err.is_terminal:
        yield
        return
    status = err.status(f"{agent} is at work")
    with status, paused_by_questions(status.stop, status.start):
        yield
