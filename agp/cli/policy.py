"""``agp policy``: what agents may do and what may evolve, shown, checked, explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Output, PermissionMode, Place

if TYPE_CHECKING:
    from agp.permissions import ActionRequest, Decision
    from agp.project import Project

app = typer.Typer(
    name="policy",
    no_args_is_help=True,
    help="See and check what agents may do and what may evolve (agp.policy.toml).\n\n"
    "Examples:\n\n"
    "  agp policy init                                  write the default policy, explained\n\n"
    "  agp policy show\n\n"
    "  agp policy check\n\n"
    "  agp policy explain solver python code=1+1        which rule decides, and why",
)


@app.command()
@grouped
def show(place: Place, permissions: PermissionMode = None, output: Output = Format.table) -> None:
    """Say in words what the policy permits.

    Examples:

      agp policy show

      agp policy show --permissions locked

      agp policy show -f json
    """
    from agp.cli.render import print_json
    from agp.permissions import FILE, Mode, read_policy

    policy = read_policy(_folder(place))
    if permissions is not None:
        policy = policy.model_copy(update={"mode": Mode(permissions.value)})
    if output is Format.json:
        print_json({**policy.data(), "digest": policy.digest})
        return
    there = (place.project / FILE).exists()
    typer.echo(f"# Policy {policy.digest[:12]}, {FILE if there else 'the default (no file)'}\n")
    typer.echo(policy.describe(), nl=False)


@app.command()
@grouped
def check(
    place: Place,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Default: that of the project.")
    ] = None,
) -> None:
    """Check the file: what is wrong is named by line and field, and ends with 2.

    Examples:

      agp policy check

      agp policy check proposed.toml
    """
    from agp.errors import InputError
    from agp.permissions import FILE
    from agp.permissions.reading import parse_policy

    path = file or _folder(place) / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"There is no {path}.", hint="Write one: agp policy init") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    policy = parse_policy(text, str(path))
    typer.echo(f"{path} is fine: mode {policy.mode}, digest {policy.digest[:12]}.")


@app.command()
@grouped
def explain(
    place: Place,
    call: Annotated[
        list[str],
        typer.Argument(
            metavar="AGENT TOOL[.ACTION] [NAME=VALUE …]",
            help="AGENT may be a chain: lead/helper. VALUE may be JSON.",
        ),
    ],
    permissions: PermissionMode = None,
    output: Output = Format.table,
) -> None:
    """Say what would become of a call, by which rule, and why. Nothing is called.

    Examples:

      agp policy explain solver python code=1+1

      agp policy explain lead/helper workspace.write path=notes/a.md --permissions auto

      agp policy explain solver http.get 'url="http://example.org"' -f json
    """
    from agp.cli.opening import opened
    from agp.cli.render import print_json

    with opened(place, create=True, permissions=permissions) as project:
        request = _request(project, call)
        in_force = project.permissions.for_run()
        decision = in_force.call(request)
    if output is Format.json:
        print_json({"call": request.name, "mode": in_force.mode.value, **vars(decision)})
        return
    typer.echo(_told(request, decision, in_force.mode.value))


@app.command()
@grouped
def init(
    place: Place,
    printed: Annotated[bool, typer.Option("--print", help="Print it, write nothing.")] = False,
) -> None:
    """Write the default policy, with every setting explained, into the project.

    Examples:

      agp policy init

      agp policy init --print
    """
    from agp.errors import InputError
    from agp.permissions import FILE
    from agp.permissions.template import TEMPLATE

    if printed:
        typer.echo(TEMPLATE, nl=False)
        return
    path = _folder(place) / FILE
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError as error:
        raise InputError(f"{path} exists already.", hint="See it: agp policy show") from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    typer.echo(f"{path}: the default policy. Change it, then: agp policy check")


def _folder(place: Place) -> Path:
    from agp.errors import InputError

    if not place.project.is_dir():
        raise InputError(
            f"There is no folder {place.project}.", hint="Make a project with: agp init DIR"
        )
    return place.project


def _request(project: Project, call: list[str]) -> ActionRequest:
    import shlex
    from dataclasses import replace

    from agp.errors import InputError
    from agp.permissions import ActionRequest
    from agp.rspl.kinds import KINDS

    try:
        agent, tool, *given = shlex.split(call[0]) if len(call) == 1 else call
    except ValueError as error:
        raise InputError(
            f"{' '.join(call)!r} names no call.",
            hint="For example: agp policy explain solver python code=1",
        ) from error
    view = project.registry.view()
    rid, action = _named(project, tool)
    record = view.record(rid)
    actions = [each.name for each in KINDS[rid.type].actions(record)]
    action = action or (actions[0] if len(actions) == 1 else "")
    if action not in actions:
        raise InputError(
            f"{rid} has no action {action!r}.", hint=f"It has: {', '.join(actions) or 'none'}"
        )
    arguments = dict(map(_argument, given))
    request = ActionRequest.of(tuple(agent.split("/")), record, action, arguments)
    kind = KINDS[rid.type]
    return replace(request, meant=kind.meant(record, kind.build(record), action, arguments))


def _named(project: Project, tool: str) -> tuple[Any, str]:
    """The resource and the action that ``NAME.ACTION`` means; a name may hold dots itself."""
    from agp.errors import NotFoundError
    from agp.rspl.entities import ResourceId

    known = [rid for rid in project.registry.list() if rid.type.value != "prompt"]
    parts = tool.split(".")
    for size in range(len(parts), 0, -1):
        name = ".".join(parts[:size])
        if any(name in (rid.name, str(rid)) for rid in known):
            return ResourceId.find(name, known), ".".join(parts[size:])
    raise NotFoundError("tool, agent, memory or environment", tool, [rid.name for rid in known])


def _argument(text: str) -> tuple[str, Any]:
    from agp.errors import InputError

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(f"{text!r} is no argument.", hint="Write NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _told(request: ActionRequest, decision: Decision, mode: str) -> str:
    who = " → ".join(request.agent_chain)
    verdict = {"allow": "allowed", "ask": "asked about", "deny": "denied"}[decision.verdict]
    return (
        f"{decision.verdict}: {who} calling {request.name} is {verdict}.\n"
        f"rule: {decision.rule}\nwhy:  {decision.reason}\nmode: {mode}"
    )
