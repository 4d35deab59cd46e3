"""``agp branch``, ``agp tag``, ``agp alias``: names for commits and for versions."""

from __future__ import annotations

from typing import Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Output, Place

Resource = Annotated[str, typer.Argument(help="type/name, or a name that is unique.")]
Commit = Annotated[str, typer.Option("--at", help="A commit, tag or branch; default: main.")]

branch_app = typer.Typer(
    name="branch",
    invoke_without_command=True,
    help="List, make and delete branches: lines of history that change apart.\n\nExamples:\n\n"
    "  agp branch\n\n  agp branch create trial\n\n  agp merge trial\n\n  agp branch delete trial",
)
tag_app = typer.Typer(
    name="tag",
    invoke_without_command=True,
    help="List, make and delete tags: lasting names for commits.\n\nExamples:\n\n"
    "  agp tag create paper-v1 -m 'what the paper reports'\n\n  agp diff paper-v1 main",
)
alias_app = typer.Typer(
    name="alias",
    help="Aliases: moving names for one version of a resource.\n\nExamples:\n\n"
    "  agp alias set prompt/solver production 1.0.3\n\n  agp show prompt/solver@production",
)


@branch_app.callback()
@grouped
def branches(context: typer.Context, place: Place, output: Output = Format.table) -> None:
    if context.invoked_subcommand is not None:
        return
    from agp.cli.opening import opened
    from agp.cli.render import print_json, print_table, short

    with opened(place) as project:
        found = project.history.branches()
    if output is Format.json:
        print_json([{"branch": name, "commit": head} for name, head in found.items()])
        return
    print_table(("branch", "stands at"), [(name, short(head)) for name, head in found.items()])


@branch_app.command("create")
@grouped
def create_branch(
    name: Annotated[str, typer.Argument(help="The new branch.")], place: Place, at: Commit = MAIN
) -> None:
    """Make a branch that stands at a commit.

    Examples:

      agp branch create trial --at 3f2a9c01b7de
    """
    from agp.cli.opening import opened

    with opened(place) as project:
        project.history.create_branch(name, at=at, author=project.registry.author)
    typer.echo(f"Branch {name} stands at {at}. Use it with --branch {name}.")


@branch_app.command("delete")
@grouped
def delete_branch(name: Annotated[str, typer.Argument(help="The branch.")], place: Place) -> None:
    """Take a branch away. Its commits and versions stay, and can be found by id.

    Examples:

      agp branch delete trial
    """
    from agp.cli.opening import opened

    with opened(place) as project:
        head = project.history.branches().get(name)
        project.history.delete_branch(name, author=project.registry.author)
    again = f"agp branch create{place.flags} {name} --at {(head or '')[:12]}"
    typer.echo(f"Branch {name} is gone; its commits stay. Bring it back with: {again}")


@tag_app.callback()
@grouped
def tags(context: typer.Context, place: Place, output: Output = Format.table) -> None:
    if context.invoked_subcommand is not None:
        return
    from agp.cli.opening import opened
    from agp.cli.render import print_json, print_table, short

    with opened(place) as project:
        found = project.history.names.tags()
    if output is Format.json:
        print_json([{"tag": name, "commit": commit} for name, commit in found.items()])
        return
    rows = [(name, short(commit)) for name, commit in found.items()]
    print_table(("tag", "commit"), rows, empty="No tag yet: agp tag create NAME")


@tag_app.command("create")
@grouped
def create_tag(
    name: Annotated[str, typer.Argument(help="The new tag.")],
    place: Place,
    at: Commit = MAIN,
    message: Annotated[str, typer.Option("-m", "--message", help="Why.")] = "",
) -> None:
    """Name a commit for good.

    Examples:

      agp tag create paper-v1 --at 3f2a9c01b7de -m "Table 2"
    """
    from agp.cli.opening import opened

    with opened(place) as project:
        commit = project.history.find_commit(at).id
        author = project.registry.author
        project.history.names.create_tag(name, commit, author=author, message=message)
    typer.echo(f"Tag {name} names commit {commit[:12]}.")


@tag_app.command("delete")
@grouped
def delete_tag(name: Annotated[str, typer.Argument(help="The tag.")], place: Place) -> None:
    """Take a tag away; the commit stays.

    Examples:

      agp tag delete paper-v1
    """
    from agp.cli.opening import opened

    with opened(place) as project:
        project.history.names.delete_tag(name, author=project.registry.author)
    typer.echo(f"Tag {name} is gone.")


@alias_app.command("list")
@grouped
def list_aliases(resource: Resource, place: Place, output: Output = Format.table) -> None:
    """List the aliases of a resource.

    Examples:

      agp alias list prompt/solver
    """
    from agp.cli.naming import find_resource
    from agp.cli.opening import opened
    from agp.cli.render import print_json, print_table, short

    with opened(place) as project:
        rid = find_resource(project, resource)
        found = [
            {"alias": name, "version": project.history.version_of(digest), "digest": digest}
            for name, digest in project.history.names.aliases(rid).items()
        ]
    if output is Format.json:
        print_json(found)
        return
    rows = [(each["alias"], each["version"], short(each["digest"])) for each in found]
    empty = f"No alias yet: agp alias set {rid} NAME VERSION"
    print_table(("alias", "version", "digest"), rows, empty=empty)


@alias_app.command("set")
@grouped
def set_alias(
    resource: Resource,
    alias: Annotated[str, typer.Argument(help="A word: production, best …")],
    place: Place,
    version: Annotated[
        str | None, typer.Argument(help="A version, or another alias; default: what is live.")
    ] = None,
    branch: Branch = MAIN,
) -> None:
    """Let an alias stand for a version from now on; each move is in the audit log.

    Examples:

      agp alias set prompt/solver production

      agp alias set prompt/solver production 1.0.2
    """
    from agp.cli.naming import find_version
    from agp.cli.opening import opened

    with opened(place, branch=branch) as project:
        found = find_version(project, f"{resource}@{version}" if version else resource)
        project.registry.move_alias(found.rid, alias, found.record.digest)
    typer.echo(f"{found.rid}@{alias} is {found.name} now.")


@alias_app.command("delete")
@grouped
def delete_alias(
    resource: Resource, alias: Annotated[str, typer.Argument(help="The alias.")], place: Place
) -> None:
    """Take an alias away; the version stays.

    Examples:

      agp alias delete prompt/solver production
    """
    from agp.cli.naming import find_resource
    from agp.cli.opening import opened

    with opened(place) as project:
        rid = find_resource(project, resource)
        project.history.names.delete_alias(rid, alias, author=project.registry.author)
    typer.echo(f"{rid} has no alias {alias} any more.")
