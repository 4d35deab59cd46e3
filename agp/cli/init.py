"""``agp init``: a project folder that works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Place

FILES = {
    "agp.toml": """\
# Settings of this project. Everything here is optional; what is commented out is the default.

# store = ".agp/store.db"          # or postgresql://USER@HOST/NAME

# [models.solver]                  # what agents call, unless --model says otherwise
# model = "embedded"               # or any LiteLLM model string: anthropic/…, openai/…, ollama/…
# fallbacks = []
# api_base = "http://localhost:8080/v1"

# [models.reflector]               # what proposes changes; default: the solver's model
# model = "embedded"
# max_tokens = 600
""",
    ".gitignore": ".agp/\n",
    "agents/README.md": "One folder an agent: `AGENT.md` (settings, system prompt), and "
    "`policy.py` unless it extends another.\n",
    "agents/my_agent/AGENT.md": """\
---
description: An example to change. It works like tool_calling, with a prompt of its own.
extends: tool_calling
tools: [calculator, python]
policy:
  max_steps: 4
---
Answer the question. Use a tool wherever it makes the answer more certain.
""",
    "tools/README.md": "One folder a tool: `tool.py` with one typed function; its docstring "
    "explains it to the model.\n",
    "environments/README.md": "One folder an environment: `ENVIRONMENT.md` and `environment.py`.\n",
    "memory/README.md": "One folder a memory system: `MEMORY.md` and `memory.py`.\n",
    "prompts/README.md": "One folder a prompt: `PROMPT.md`.\n",
    "benchmarks/README.md": "One Python file a benchmark, with one subclass of `agp.Benchmark`; "
    "then: `agp bench run NAME`.\n",
}


@grouped
def init(
    place: Place,
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Default: this folder.")
    ] = None,
) -> None:
    """Make a project: folders for your resources, settings, an example agent, a store.

    What is there already is left as it is, so it may be run again.

    Examples:

      agp init

      agp init my-project
    """
    from agp.cli.opening import opened

    folder = directory or place.project
    made, kept = make_project(folder)
    place = Place(project=folder, store=place.store)
    with opened(place, create=True) as project:
        count = len(project.registry.list())
    for name in kept:
        typer.echo(f"Left as it is: {folder / name}")
    typer.echo(f"Made {len(made)} files in {folder}; {count} resources are registered.")
    typer.echo(f'Next: agp run{place.flags} my_agent "What is 17 * 23?"')


def make_project(folder: Path) -> tuple[list[str], list[str]]:
    """Write the files of a new project; return what was made and what was there already.

    Raises InputError when the folder cannot be written.
    """
    from agp.errors import InputError
    from agp.permissions.policy import FILE
    from agp.permissions.template import TEMPLATE

    made: list[str] = []
    kept: list[str] = []
    try:
        for name, text in {**FILES, FILE: TEMPLATE}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                kept.append(name)
                continue
            path.write_text(text, encoding="utf-8")
            made.append(name)
    except OSError as error:
        raise InputError(
            f"No project can be made in {folder}: {error.strerror} ({error.filename}).",
            hint="Choose another folder: agp init DIR",
        ) from error
    return made, kept
