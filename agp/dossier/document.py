"""The form of a dossier, its digest, and the signature that binds it to a checkpoint of the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agp.audit.checkpoint import Checkpoint, parse_checkpoint
from agp.audit.files import read_bytes
from agp.audit.keys import Key, signed
from agp.canonical import canonical_json
from agp.canonical import digest as digest_of
from agp.errors import InputError

FORMAT: Literal["agp-dossier/1"] = "agp-dossier/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Part):
    """A paragraph."""

    form: Literal["text"] = "text"
    text: str


class Table(_Part):
    """Rows under columns; ``empty`` is said where there are none."""

    form: Literal["table"] = "table"
    columns: list[str]
    rows: list[list[str]]
    empty: str


class Verbatim(_Part):
    """Text that is shown exactly as it is, a diff or a file."""

    form: Literal["verbatim"] = "verbatim"
    title: str
    text: str


Block = Annotated[Text | Table | Verbatim, Field(discriminator="form")]


class Section(_Part):
    """One section; ``helps_with`` names what it is evidence for."""

    title: str
    helps_with: str
    blocks: list[Block]


class Signature(_Part):
    """Who vouches for a dossier: ``signature`` is over its digest and the checkpoint's content."""

    checkpoint: Checkpoint
    public_key: str
    signature: str


class Dossier(_Part):
    """What a store knows of an agent.

    ``commit`` is where it was read, ``log`` the seq and hash of the last audit entry by then,
    ``at`` that entry's time: the same store gives the same document.
    """

    format: Literal["agp-dossier/1"] = FORMAT
    agp: str
    agent: str
    branch: str
    commit: str
    closure: str
    at: str
    log: tuple[int, str]
    sections: list[Section]
    signature: Signature | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of all but the signature."""
        return digest_of(self.model_dump(mode="json", exclude={"signature"}))


def sign_dossier(dossier: Dossier, checkpoint: Checkpoint, key: Key) -> Dossier:
    """Vouch for a dossier with the key that made the checkpoint of the log it was read from.

    Raises InputError where the checkpoint is not of that very log, or of another key.
    """
    if (checkpoint.seq, checkpoint.hash) != dossier.log:
        raise InputError(
            "The audit log went on since the dossier was read.",
            hint="Nothing was written. Run the command again.",
        )
    if checkpoint.public_key != key.public:
        raise InputError("The checkpoint was made with another key than the dossier's.")
    signature = key.private.sign(_vouched(dossier, checkpoint)).hex()
    return dossier.model_copy(
        update={
            "signature": Signature(
                checkpoint=checkpoint, public_key=key.public, signature=signature
            )
        }
    )


def read_dossier(path: Path) -> Dossier:
    """The dossier in a JSON file. Raises InputError for what is none."""
    content = read_bytes(path, "dossier")
    hint = "Only the JSON form can be checked: agp dossier AGENT -f json -o FILE"
    try:
        return Dossier.model_validate(json.loads(content))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValidationError):
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise InputError(f"{path} is no dossier: field {where!r}.", hint=hint) from error
        raise InputError(f"{path} is no dossier: it is not JSON.", hint=hint) from error


def check_dossier(dossier: Dossier, *, public_key: str | None = None) -> None:
    """Raises InputError unless it is signed, whole, and by ``public_key`` if one is given."""
    given = dossier.signature
    if given is None:
        raise InputError("The dossier is not signed.", hint="Sign it: agp dossier AGENT --key FILE")
    parse_checkpoint(given.checkpoint.model_dump(mode="json"))
    fits = (given.checkpoint.seq, given.checkpoint.hash) == dossier.log
    whole = signed(given.public_key, given.signature, _vouched(dossier, given.checkpoint))
    if not fits or not whole or given.checkpoint.public_key != given.public_key:
        raise InputError("The dossier's signature does not hold: it was changed, or made up.")
    if public_key is not None and given.public_key != public_key:
        raise InputError(f"The dossier is signed by {given.public_key}, not by {public_key}.")


def _vouched(dossier: Dossier, checkpoint: Checkpoint) -> bytes:
    document = {"format": FORMAT, "digest": dossier.digest}
    return canonical_json({**document, "checkpoint": checkpoint.model_dump(mode="json")})
