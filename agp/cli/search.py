"""``agp search``: what there is for a purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import MAIN, Branch, Format, Output, Place
from agp.cli.resources import TypeOption

if TYPE_CHECKING:
    from agp.rspl.search import Embedder


@grouped
def search(
    place: Place,
    query: Annotated[str, typer.Argument(help="What you look for, in your own words.")] = "",
    type_: Annotated[
        list[TypeOption] | None,
        typer.Option("--type", help="Only this type; may be given several times."),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="Only what has this tag; may be given several times, all must fit."),
    ] = None,
    branch: Branch = MAIN,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="At most this many.")] = 5,
    embeddings: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Rank by meaning too: embedded, or any LiteLLM embedding model. What is live is "
            "embedded once and kept.",
        ),
    ] = None,
    api_base: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An OpenAI-compatible server for --embeddings."),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the index anew first, where it is damaged.")
    ] = False,
    output: Output = Format.table,
) -> None:
    """Find resources by what they are for, best first.

    Examples:

      agp search "read a text file"

      agp search "judge an answer" --type prompt --type agent

      agp search "run code" --tag sandbox -f json

      agp search "do sums without slips" --embeddings openai/text-embedding-3-small

      agp search --rebuild
    """
    from agp.cli.opening import opened
    from agp.cli.render import note, print_json, print_table
    from agp.rspl import search as index
    from agp.rspl.entities import EntityType

    with opened(place, branch=branch) as project:
        if rebuild:
            count = index.rebuild(project.history.database)
            note(f"The index was made anew: {count} versions.")
            if not query:
                return
        hits = index.find(
            project.history.database,
            query,
            branch=branch,
            types=[EntityType(each) for each in type_ or ()],
            tags=tag or (),
            limit=limit,
            embedder=_embedder(embeddings, api_base) if embeddings else None,
            progress=_progress,
        )
    if output is Format.json:
        print_json([hit.data() for hit in hits])
        return
    rows = [(hit.resource, f"{hit.score:.3g}", hit.description) for hit in hits]
    empty = "Nothing live has a word of this. Try other words, or --embeddings MODEL."
    print_table(("resource", "score", "description"), rows, empty=empty, cut=True)


def _embedder(model: str, api_base: str | None) -> Embedder:
    from agp.models.embeddings import EmbeddingModel

    return EmbeddingModel(model, api_base=api_base)


def _progress(done: int, total: int) -> None:
    from agp.cli.render import note

    note(f"embedded {done} of {total} resources")
