"""A dossier as Markdown, and that Markdown as one HTML page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Iterator

from agp.dossier.document import Dossier, Table, Text, Verbatim

DISCLAIMER = (
    "This document collects evidence that helps with the technical documentation of EU AI Act "
    "Annex IV and with Articles 9 to 15. It is not a conformity assessment, and parts that no "
    "store can know (intended users, market surveillance, standards applied, the declaration of "
    "conformity) are not in it."
)

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; margin: 1rem 0; display: block;
  overflow-x: auto; }
th, td { border: 1px solid #d0d7de; padding: .35rem .6rem; text-align: left; vertical-align: top; }
th { background: #f3f5f7; }
pre { background: #f3f5f7; padding: .8rem; overflow-x: auto; font-size: .85rem; }
h1, h2 { line-height: 1.25; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #d0d7de; }
em { color: #57606a; } code { overflow-wrap: anywhere; }
"""


def as_markdown(dossier: Dossier) -> str:
    """The dossier as Markdown (CommonMark with tables)."""
    return "\n".join(_lines(dossier)) + "\n"


def as_html(dossier: Dossier) -> str:
    """The dossier as one HTML page, without scripts and without anything from elsewhere."""
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(as_markdown(dossier))
    title = html.escape(f"Dossier of {dossier.agent}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    )


def _lines(dossier: Dossier) -> Iterator[str]:
    yield f"# Dossier of {_inline(dossier.agent)}"
    yield ""
    yield DISCLAIMER
    yield ""
    yield f"- read at commit `{dossier.commit}` of branch `{dossier.branch}`, agp {dossier.agp}"
    yield f"- agent with all it uses (closure): `{dossier.closure}`"
    yield f"- audit log: entry {dossier.log[0]} of {dossier.at}, hash `{dossier.log[1]}`"
    yield f"- digest of this document: `{dossier.digest}`"
    yield f"- {_vouched(dossier)}"
    for number, section in enumerate(dossier.sections, start=1):
        yield from ("", f"## {number}. {section.title}", "")
        yield f"*Evidence that helps with {section.helps_with}.*"
        for block in section.blocks:
            yield ""
            yield from _block(block)


def _vouched(dossier: Dossier) -> str:
    if dossier.signature is None:
        return "not signed: nobody vouches for this document but the store it was read from"
    key = dossier.signature.public_key
    return (
        f"signed with the key `{key}`, together with a checkpoint of the audit log at entry "
        f"{dossier.signature.checkpoint.seq} (check the JSON form with `agp dossier --check FILE`)"
    )


def _block(block: Text | Table | Verbatim) -> Iterator[str]:
    match block:
        case Text():
            yield _inline(block.text)
        case Table() if not block.rows:
            yield _inline(block.empty)
        case Table():
            yield _row(block.columns)
            yield _row(["---"] * len(block.columns))
            yield from map(_row, block.rows)
        case Verbatim():
            fence = "`" * (_longest_run(block.text) + 3)
            yield from (f"{_inline(block.title)}:", "", f"{fence}text", block.text, fence)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(_inline(cell).replace("|", "\\|") for cell in cells) + " |"


def _inline(text: str) -> str:
    """Text of the store as one line that Markdown shows as it is."""
    flat = " ".join(text.split())
    return "".join(f"\\{each}" if each in "\\`*_[]<>#~" else each for each in flat)


def _longest_run(text: str) -> int:
    longest = run = 0
    for each in text:
        run = run + 1 if each == "`" else 0
        longest = max(longest, run)
    return longest
