"""``agp dossier``: what the store knows of an agent, as one document; is one genuine?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Place

if TYPE_CHECKING:
    from agp.dossier import Dossier
    from agp.project import Project


class Form(StrEnum):
    """How a dossier is written."""

    markdown = "markdown"
    html = "html"
    json = "json"


@grouped
def dossier(
    place: Place,
    agent: Annotated[str | None, typer.Argument(help="The agent it is about.")] = None,
    form: Annotated[
        Form, typer.Option("-f", "--format", help="Only json can be checked later.")
    ] = Form.markdown,
    file: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write it there.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Sign it, with a checkpoint of the audit log: agp audit keygen."
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Say whether a dossier (json) is genuine and current."),
    ] = None,
    public_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="With --check: whose it must be, 64 hex digits or a file."
        ),
    ] = None,
    branch: Branch = MAIN,
) -> None:
    """Write what is known of an agent: purpose, envelope, versions, history, evidence, limits.

    The same store gives the same document. It is evidence that helps with technical
    documentation; it does not make anything conform to a law.

    Examples:

      agp dossier solver -o solver.md

      agp dossier solver -f json --key ~/auditor.key -o solver.json

      agp dossier --check solver.json --public-key ~/auditor.key.pub
    """
    from agp.cli.opening import opened
    from agp.errors import InputError

    if check is not None:
        if agent or file or key:
            raise InputError("--check takes nothing beside the file and --public-key.")
        _check(check, public_key, place)
        return
    if not agent:
        raise InputError("Which agent?", hint="agp dossier AGENT; see: agp resources list")
    with opened(place, branch=branch) as project:
        made = _made(project, agent, branch, key)
    _write(made, form, file)


def _made(project: Project, agent: str, branch: str, key: Path | None) -> Dossier:
    from agp.audit import log as audit
    from agp.audit.checkpoint import sign_checkpoint
    from agp.audit.keys import load_private, vouched_for
    from agp.audit.verify import verify
    from agp.dossier import make_dossier, sign_dossier

    signer = load_private(key) if key else None
    envelope = _envelope(project)
    made = make_dossier(project.history, agent, envelope=envelope, branch=branch)
    if signer is None:
        return made
    with project.database.read() as session:
        verdict = verify(audit.rows(session), vouched=vouched_for())
    return sign_dossier(made, sign_checkpoint(verdict, signer), signer)


def _envelope(project: Project) -> str:
    from agp.permissions import read_policy

    policy = read_policy(project.folder)
    return f"{policy.describe()}\nDigest of this policy: {policy.digest}"


def _write(made: Dossier, form: Form, file: Path | None) -> None:
    from agp.audit.files import save_new
    from agp.dossier import as_html, as_markdown

    forms = {Form.markdown: as_markdown, Form.html: as_html}
    text = forms[form](made) if form is not Form.json else made.model_dump_json(indent=2) + "\n"
    if file is None:
        typer.echo(text, nl=False)
        return
    save_new(file, [text.encode()])
    signed = "signed" if made.signature else "not signed"
    typer.echo(f"Wrote the dossier of {made.agent} to {file} ({signed}, {made.digest[:12]}).")


def _check(file: Path, public_key: str | None, place: Place) -> None:
    from agp.audit.keys import read_public
    from agp.cli.opening import opened
    from agp.dossier import check_dossier, make_dossier, read_dossier
    from agp.errors import NotFoundError

    given = read_dossier(file)
    check_dossier(given, public_key=read_public(public_key) if public_key else None)
    assert given.signature is not None  # check_dossier has seen to it
    typer.echo(f"{file} is genuine, signed by {given.signature.public_key}.")
    try:
        with opened(place, branch=given.branch) as project:
            envelope = _envelope(project)
            now = make_dossier(project.history, given.agent, envelope=envelope, branch=given.branch)
    except NotFoundError as error:
        typer.echo(f"Whether it is current cannot be said here: {error.message}")
        return
    current = (now.closure, now.log) == (given.closure, given.log)
    typer.echo("It is current." if current else "It is not current: the store went on since.")
    if not current:
        raise typer.Exit(1)
