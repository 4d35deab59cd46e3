"""Checkpoints: what somebody outside the evolving process says a log was like at one moment.

A checkpoint is a small JSON document signed with a key that the writers of the log do not hold.
A log extends it if its entry ``seq`` has the hash ``hash``; because of the chain, that fixes every
entry up to there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from agp.audit.files import read_bytes, save_new
from agp.audit.keys import Key, signed
from agp.audit.verdict import Verdict
from agp.canonical import canonical_json
from agp.errors import InputError
from agp.store.tables import now

FORMAT: Literal["agp-checkpoint/1"] = "agp-checkpoint/1"


Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Checkpoint(BaseModel):
    """A checkpoint, as it is written to a file.

    ``seq`` and ``hash`` are those of the last entry; ``entries`` counts from the very first;
    ``writers`` are the public keys (hex) that wrote them; ``at`` is the signer's time;
    ``public_key`` is that of the signer, ``signature`` over the canonical JSON of the rest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["agp-checkpoint/1"] = FORMAT
    seq: int = Field(ge=0)
    hash: Hex
    entries: int
    writers: list[Hex]
    at: str
    public_key: Hex
    signature: str = ""

    def content(self) -> bytes:
        """What is signed."""
        return canonical_json(self.model_dump(exclude={"signature"}))


def sign_checkpoint(verdict: Verdict, key: Key) -> Checkpoint:
    """Vouch for a verified log as it is. The log itself is not changed.

    Raises InputError when the log has findings, or was written with this very key.
    """
    if verdict.findings or verdict.last is None:
        raise InputError(
            f"This log is not signed: {len(verdict.findings)} findings, the first: "
            f"{verdict.findings[0].message}",
            hint="See them all with: agp audit verify",
        )
    if key.public in verdict.writers:
        raise InputError(
            "This key writes the log, so its word about the log proves nothing.",
            hint="Use a key that the evolving process does not hold: agp audit keygen FILE",
        )
    content = Checkpoint(
        seq=verdict.last,
        hash=verdict.hash,
        entries=verdict.last + 1,
        writers=sorted(verdict.writers),
        at=now(),
        public_key=key.public,
    )
    return content.model_copy(update={"signature": key.private.sign(content.content()).hex()})


def parse_checkpoint(document: Any) -> Checkpoint:
    """The checkpoint in plain data. Raises InputError unless it is whole and genuine."""
    try:
        checkpoint = Checkpoint.model_validate(document)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the document"
        raise InputError(f"{where}: {fault['msg']}") from error
    if checkpoint.entries != checkpoint.seq + 1:
        raise InputError("its seq and its number of entries do not fit")
    if not signed(checkpoint.public_key, checkpoint.signature, checkpoint.content()):
        raise InputError("its signature does not hold: it was changed, or made up")
    return checkpoint


def read_checkpoint(path: Path, *, public_key: str | None = None) -> Checkpoint:
    """The checkpoint in a file, signed by ``public_key`` (hex) if one is given.

    Raises InputError for what is not a genuine checkpoint, or is one of another key.
    """
    content = read_bytes(path, "checkpoint")
    try:
        checkpoint = parse_checkpoint(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a checkpoint: it is not JSON.") from error
    except InputError as error:
        raise InputError(
            f"{path} is not a genuine checkpoint: {error.message}.",
            hint="Make one with: agp audit checkpoint --key FILE -o FILE",
        ) from error
    if public_key is not None and checkpoint.public_key != public_key:
        raise InputError(
            f"{path} is signed by the key {checkpoint.public_key}, not by {public_key}.",
            hint="Somebody else made this checkpoint. Ask whoever should have.",
        )
    return checkpoint


def write_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint to a new file. Raises InputError; nothing is overwritten."""
    save_new(path, [checkpoint.model_dump_json(indent=2).encode(), b"\n"])
