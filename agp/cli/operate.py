"""``agp resources register|update|copy|variables|set|state|run``: the operators that act."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Models, Output, Place

if TYPE_CHECKING:
    from agp.project import Project
    from agp.rspl.entities import Record

Resource = Annotated[str, typer.Argument(help="type/name, or a name that is unique.")]
Source = Annotated[
    Path,
    typer.Argument(
        help="A resource's folder (tools/NAME, say), or a record as JSON; - reads that from "
        "standard input."
    ),
]
Message = Annotated[str, typer.Option("-m", "--message", help="Why, for the history.")]


class Author(StrEnum):
    """Who wrote what a command brings, as `agp.rspl.origins.Origin` has it."""

    person = "person"
    optimizer = "optimizer"
    model = "model"
    import_ = "import"


Written = Annotated[
    Author,
    typer.Option(
        "--written-by",
        help="Who wrote it: code that is not a person's runs confined until it is approved.",
    ),
]
_ABOUT = ("version", "digest", "live")
"""What `agp show -f json` adds to a record."""


@grouped
def register(
    source: Source,
    place: Place,
    branch: Branch = MAIN,
    message: Message = "",
    written_by: Written = Author.person,
) -> None:
    """Add a new resource. What is in the project's folders is added by itself.

    Examples:

      agp resources register ../elsewhere/tools/my_tool

      agp show prompt/solver -f json | sed s/solver/my_solver/ | agp resources register -
    """
    from agp.cli.opening import opened
    from agp.cli.resources import report_commit

    with opened(place, branch=branch) as project:
        for record in _records(source, project, written_by):
            done = project.registry.register(record, message=message, origin=written_by.value)
            report_commit(done, place)


@grouped
def update(
    source: Source,
    place: Place,
    branch: Branch = MAIN,
    message: Message = "",
    written_by: Written = Author.person,
) -> None:
    """Make new content of a resource live, as its next version.

    Examples:

      agp resources update ../elsewhere/tools/my_tool

      agp resources update record.json -m "shorter"

      agp resources update tools/my_tool --written-by model      it runs in the sandbox
    """
    from agp.cli.opening import opened
    from agp.cli.resources import report_commit

    with opened(place, branch=branch) as project:
        for record in _records(source, project, written_by):
            done = project.registry.update(record, message=message, origin=written_by.value)
            report_commit(done, place)


@grouped
def copy(
    resource: Resource,
    place: Place,
    name: Annotated[
        str, typer.Argument(help="The duplicate's name; default: NAME-copy.", show_default=False)
    ] = "",
    version: Annotated[str | None, typer.Option(help="Default: what is live.")] = None,
    branch: Branch = MAIN,
) -> None:
    """Register a duplicate of a resource, or of one of its versions.

    Examples:

      agp resources copy prompt/solver my_solver --version 1.0.0
    """
    from agp.cli.naming import find_resource
    from agp.cli.opening import opened
    from agp.cli.resources import report_commit

    with opened(place, branch=branch) as project:
        rid = find_resource(project, resource)
        report_commit(project.registry.copy(rid, name, version=version), place)


@grouped
def variables(
    resource: Resource, place: Place, branch: Branch = MAIN, output: Output = Format.table
) -> None:
    """Show the parts of a resource that can be changed by path: what evolution works on.

    Examples:

      agp resources variables prompt/solver
    """
    from agp.cli.opening import opened
    from agp.cli.render import clipped, print_json, print_table

    with opened(place, branch=branch) as project:
        found = project.registry.get_variables(project.registry.view().find(resource))
    if output is Format.json:
        print_json(found)
        return
    rows = [
        (path, clipped(value if isinstance(value, str) else json.dumps(value), 200))
        for path, value in found.items()
    ]
    print_table(("variable", "value"), rows, cut=True)


@grouped
def set_(
    resource: Resource,
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH=VALUE...",
            help="VALUE is text, or JSON where the part is no text; PATH=@FILE reads a file.",
        ),
    ],
    place: Place,
    branch: Branch = MAIN,
    message: Message = "",
    written_by: Written = Author.person,
) -> None:
    """Change parts of a resource by path, as one new version.

    Examples:

      agp resources set prompt/solver params/system="Think, then answer."

      agp resources set prompt/solver params/system=@system.txt -m "from the appendix"
    """
    from agp.cli.opening import opened
    from agp.cli.resources import report_commit

    with opened(place, branch=branch) as project:
        rid = project.registry.view().find(resource)
        now = project.registry.get_variables(rid)
        values = dict(_assignment(each, now) for each in assignments)
        done = project.registry.set_variables(rid, values, message=message, origin=written_by.value)
        report_commit(done, place)


@grouped
def refresh(resource: Resource, place: Place, branch: Branch = MAIN) -> None:
    """Ask an MCP server for its tools again: a new version where they have changed.

    Examples:

      agp resources refresh tool/my_server
    """
    from agp.cli.opening import opened
    from agp.cli.resources import report_commit

    with opened(place, branch=branch) as project:
        rid = project.registry.view().find(resource)
        report_commit(project.registry.refresh(rid), place)


@grouped
def state(resource: Resource, place: Place, branch: Branch = MAIN) -> None:
    """Show the current state of a memory or an environment, as JSON.

    Examples:

      agp resources state memory/semantic
    """
    from agp.cli.opening import opened
    from agp.cli.render import print_json

    with opened(place, branch=branch) as project:
        rid = project.registry.view().find(resource)
        found = project.registry.get_state(rid)
    if found is None:
        typer.echo(f"{rid} has no state: resources of its type are the same at every use.")
    else:
        print_json(found)


@grouped
def run(
    resource: Resource,
    place: Place,
    models: Models,
    given: Annotated[
        str, typer.Argument(metavar="[JSON]", help="Its input; - reads standard input.")
    ] = "{}",
    branch: Branch = MAIN,
    output: Output = Format.table,
) -> None:
    """Run any resource with structured input, and show what it gives.

    A change of state (a memory that remembers) becomes a new version. What a resource takes:
    agp contract RESOURCE.

    Examples:

      agp resources run tool/calculator '{"expression": "17 * 3"}'

      agp resources run prompt/solver '{"input": "What is 2 + 2?"}'

      agp resources run memory/semantic '{"action": "recall", "arguments": {"query": "tea"}}'
    """
    from agp.cli.opening import opened
    from agp.cli.render import print_json
    from agp.cli.resources import report_commit

    with opened(place, models, branch=branch) as project:
        rid = project.registry.view().find(resource)
        done = project.registry.run(rid, _object(_read(given), "The input"))
    if output is Format.json:
        commit = done.commit.id if done.commit else None
        print_json({"result": done.result, "commit": commit})
        return
    if isinstance(done.result, str):
        typer.echo(done.result)
    else:
        print_json(done.result)
    if done.commit:
        report_commit(done.commit, place)


def _records(source: Path, project: Project, written_by: Author) -> list[Record]:
    from agp.rspl.discovery import read_folder
    from agp.rspl.entities import Record

    if source.is_dir():
        origins = project.history.origins
        return read_folder(source, lambda each: origins.meet([each], written_by.value))
    body = _object(_read(str(source) if str(source) == "-" else f"@{source}"), str(source))
    return [Record.read({k: v for k, v in body.items() if k not in _ABOUT})]


def _assignment(text: str, now: dict[str, Any]) -> tuple[str, Any]:
    from agp.errors import InputError

    path, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} is not PATH=VALUE.", hint="agp resources set --help")
    value = _read(value) if value.startswith("@") else value
    if path not in now or isinstance(now[path], str):
        return path, value
    try:
        return path, json.loads(value)
    except ValueError as error:
        raise InputError(f"The value of {path} is not JSON: {error}.") from error


def _object(text: str, what: str) -> dict[str, Any]:
    from agp.errors import InputError

    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise InputError(f"{what} must be a JSON object: {{...}}.")
    return value  # pyright: ignore[reportUnknownVariableType]


def _read(text: str) -> str:
    """The text itself, of standard input (``-``), or of a file (``@PATH``)."""
    from agp.errors import InputError

    try:
        if text == "-":
            return sys.stdin.read()
        return Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{text.removeprefix('@')} cannot be read: {why}.") from error
