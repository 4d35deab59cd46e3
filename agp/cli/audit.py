"""``agp audit``: what was done to a store and by whom, and the proof that nobody changed it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Limit, Output, Place

if TYPE_CHECKING:
    from agp.audit.checkpoint import Checkpoint
    from agp.audit.verdict import Verdict

app = typer.Typer(
    name="audit",
    no_args_is_help=True,
    help="See what was done to the store, and prove that the record of it was not changed.\n\n"
    "Examples:\n\n"
    "  agp audit show prompt/solver\n\n"
    "  agp audit verify\n\n"
    "  agp audit keygen ~/auditor.key                     once, away from the evolving process\n\n"
    "  agp audit checkpoint --key ~/auditor.key -o monday.json\n\n"
    "  agp audit verify --expect monday.json              nothing before Monday was changed",
)
Expect = Annotated[
    Path | None,
    typer.Option(metavar="CHECKPOINT", help="A signed checkpoint that the log must extend."),
]
PublicKey = Annotated[
    str | None,
    typer.Option(
        "--public-key", metavar="KEY", help="Whose checkpoint it must be: 64 hex digits, or a file."
    ),
]
Archives = Annotated[
    list[Path],
    typer.Option(
        "--archive", metavar="FILE", help="An archive file; repeat it, oldest first, for all."
    ),
]


@app.command()
@grouped
def show(
    place: Place,
    text: Annotated[
        str, typer.Argument(help="Only entries that mention this: a resource, a commit id, a tag.")
    ] = "",
    kind: Annotated[str | None, typer.Option(help="Only this kind: commit, gc, archive …")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this author did.")] = None,
    limit: Limit = 20,
    output: Output = Format.table,
) -> None:
    """List entries of the log, newest first.

    Examples:

      agp audit show

      agp audit show prompt/solver --kind commit

      agp audit show 3f2a9c01b7de -f json
    """
    from itertools import islice

    from agp.audit.log import newest
    from agp.cli.audit_output import print_entries
    from agp.cli.opening import opened_store
    from agp.cli.render import print_json

    with opened_store(place) as database, database.read() as session:
        found = list(islice(newest(session, text=text, kind=kind, actor=actor), limit))
    if output is Format.json:
        print_json([entry.model_dump() for entry in found])
        return
    print_entries(found)


@app.command()
@grouped
def verify(
    place: Place,
    expect: Expect = None,
    public_key: PublicKey = None,
    archives: Archives = [],  # noqa: B006 (typer copies it)
    files: Annotated[
        list[Path],
        typer.Option("--file", metavar="FILE", help="Judge exported files; no store is needed."),
    ] = [],  # noqa: B006
    output: Output = Format.table,
) -> None:
    """Judge the log: every hash, link, signature and writer, and that the commits fit.

    Ends with 0 if nothing was found, 1 if something was, 2 if it could not be judged. Only with a
    checkpoint is it proven that no writer changed or cut what was there when it was made.

    Examples:

      agp audit verify

      agp audit verify --expect monday.json --public-key auditor.key.pub

      agp audit verify --archive 2025.jsonl --archive 2026.jsonl

      agp audit verify --file exported.jsonl --expect monday.json         anywhere, offline
    """
    from agp.audit.checks import check_files
    from agp.audit.keys import vouched_for
    from agp.cli.audit_output import print_verdict, verdict_data, watched
    from agp.cli.render import print_json

    wanted = _expected(expect, public_key)
    if files:
        every = [*archives, *files]
        verdict = check_files(every, vouched=vouched_for(), expect=wanted, watch=watched())
    else:
        verdict = _judged(place, wanted, archives)
    if output is Format.json:
        print_json(verdict_data(verdict, wanted))
    else:
        print_verdict(verdict, wanted, with_commits=not files)
    if verdict.findings:
        raise typer.Exit(1)


@app.command()
@grouped
def checkpoint(
    place: Place,
    key: Annotated[
        Path, typer.Option(help="The private key to sign with: agp audit keygen makes one.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="Where to write it.")],
    expect: Expect = None,
    public_key: PublicKey = None,
    archives: Archives = [],  # noqa: B006
) -> None:
    """Vouch for the log as it is now, after judging it; the store is only read.

    Keep the key where the evolving process cannot read it, and the checkpoint where it cannot
    write. With --expect the log must extend an earlier checkpoint (of the same key, or of
    --public-key), or nothing is signed.

    Examples:

      agp audit checkpoint --key ~/auditor.key -o monday.json

      agp audit checkpoint --key ~/auditor.key -o tuesday.json --expect monday.json
    """
    from agp.audit.checkpoint import sign_checkpoint, write_checkpoint
    from agp.audit.keys import load_private

    signer = load_private(key)
    wanted = _expected(expect, public_key or (signer.public if expect else None))
    made = sign_checkpoint(_judged(place, wanted, archives), signer)
    write_checkpoint(made, out)
    typer.echo(f"{out}: {made.entries} entries up to {made.hash[:12]}, signed {made.public_key}")


@app.command()
@grouped
def export(
    place: Place,
    file: Annotated[Path, typer.Argument(help="The file to write (JSON Lines).")],
) -> None:
    """Write the log to a file, byte for byte, so that it can be judged anywhere.

    Examples:

      agp audit export log.jsonl

      agp audit verify --file log.jsonl --expect monday.json
    """
    from agp.audit import log
    from agp.audit.files import export_lines, save_new
    from agp.cli.audit_output import watched
    from agp.cli.opening import opened_store

    with opened_store(place) as database, database.read() as session:
        number = log.count(session)
        save_new(file, export_lines(watched(number)(log.rows(session))))
    typer.echo(f"{file}: {number} entries")


@app.command()
@grouped
def archive(
    place: Place,
    expect: Annotated[
        Path, typer.Option(metavar="CHECKPOINT", help="Entries up to this checkpoint are moved.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="Where they go.")],
    public_key: PublicKey = None,
    actor: Annotated[str, typer.Option(help="Who is named in the entry about it.")] = "user",
) -> None:
    """Move the entries up to a signed checkpoint to a file; the log stays provable.

    The file is complete and compared before anything leaves the store. Keep it: with it the whole
    chain is provable, without it only what came after.

    Examples:

      agp audit archive --expect monday.json -o until-monday.jsonl

      agp audit verify --archive until-monday.jsonl
    """
    from agp.audit.archive import archive as move
    from agp.audit.checkpoint import read_checkpoint
    from agp.audit.keys import read_public, vouched_for
    from agp.cli.opening import opened_store

    pinned = read_public(public_key) if public_key else None
    wanted = read_checkpoint(expect, public_key=pinned)
    with opened_store(place) as database:
        entry = move(database, wanted, out, actor=actor, vouched=vouched_for())
    typer.echo(f"{out}: entries {entry.payload['first']} to {wanted.seq}. Keep this file.")


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(help="The private key; the public one is FILE.pub.")],
) -> None:
    """Make a key pair to sign checkpoints with.

    Keep FILE away from machines where agents evolve; give FILE.pub to everybody.

    Examples:

      agp audit keygen ~/auditor.key
    """
    from agp.audit.keys import make_pair

    public = make_pair(file.expanduser())
    typer.echo(f"{file}: the private key; keep it away from the evolving process")
    typer.echo(f"{file}.pub: {public}")


@app.command()
def trust(
    key: Annotated[
        str | None, typer.Argument(help="A writer's public key: 64 hex digits, or a file.")
    ] = None,
    note: Annotated[str, typer.Option(help="Whose it is.")] = "",
    output: Output = Format.table,
) -> None:
    """Vouch for a colleague's writer key, or list the keys that you vouch for.

    Examples:

      agp audit trust                             yours is the first: give it to your colleagues

      agp audit trust 9f3c…64 hex digits… --note "Ada's laptop"
    """
    from agp.audit import keys
    from agp.cli.render import print_json, print_table

    if key is not None:
        new = keys.trust(keys.read_public(key), note)
        typer.echo("You vouch for it now." if new else "You vouch for it already.")
        return
    rows = [keys.Trusted(keys.writer_key().public, "this user on this machine"), *keys.trusted()]
    if output is Format.json:
        print_json([row._asdict() for row in rows])
        return
    print_table(("writer key", "whose"), rows)


def _expected(path: Path | None, public_key: str | None) -> Checkpoint | None:
    from agp.audit.checkpoint import read_checkpoint
    from agp.audit.keys import read_public
    from agp.errors import InputError

    if path is None and public_key is not None:
        raise InputError("--public-key says whose checkpoint: name the checkpoint with --expect.")
    pinned = read_public(public_key) if public_key else None
    return read_checkpoint(path, public_key=pinned) if path else None


def _judged(place: Place, expect: Checkpoint | None, archives: Sequence[Path]) -> Verdict:
    from agp.audit import log
    from agp.audit.checks import check_store
    from agp.audit.keys import vouched_for
    from agp.cli.audit_output import watched
    from agp.cli.opening import opened_store

    with opened_store(place) as database, database.read() as session:
        return check_store(
            session,
            vouched=vouched_for(),
            expect=expect,
            archives=archives,
            watch=watched(log.count(session)),
        )
