"""A contract as a Markdown file: front matter that a program reads, then the text."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from agp.errors import InputError
from agp.rspl.contract.document import Contract
from agp.rspl.entities import JsonObject
from agp.secrets import refuse

FORMAT = "agp-contract/1"
_FENCE = "---\n"


def save_contract(contract: Contract, path: Path) -> None:
    """Write a contract, whole or not at all.

    Raises InputError where the file cannot be written, SecretError where it would hold a secret.
    """
    refuse({"text": contract.text}, "The contract")
    about = {"format": FORMAT, "digest": contract.digest, **contract.body()}
    del about["text"]
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in about.items()]
    content = "".join([_FENCE, *lines, _FENCE, "\n", contract.text])
    try:
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content.encode())
            Path(partial).replace(path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error


def load_contract(path: Path) -> Contract:
    """Read a contract. Raises InputError where it is none, or was changed after it was saved."""
    try:
        content = path.read_bytes().decode()
        front, text = _parts(content)
        if front.pop("format") != FORMAT:
            raise ValueError("it has another format")
        stated = front.pop("digest")
        contract = Contract.model_validate({**front, "text": text})
        actual = contract.digest
    except FileNotFoundError as error:
        raise InputError(f"There is no contract {path}.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError) as error:
        problem = str(error).partition("\n")[0]
        raise InputError(f"{path} is not an agp contract ({problem}).") from error
    if actual != stated:
        raise InputError(
            f"{path} was changed after it was saved: it does not match its digest.",
            hint="Make it anew with: agp contract -o FILE",
        )
    return contract


def _parts(content: str) -> tuple[JsonObject, str]:
    opening, first, rest = content.partition(_FENCE)
    head, second, text = rest.partition(f"\n{_FENCE}\n")
    if opening or not (first and second):
        raise ValueError("it has no front matter")
    fields: list[tuple[str, Any]] = []
    for line in head.split("\n"):
        name, _, value = line.partition(": ")
        fields.append((name, json.loads(value)))
    return dict(fields), text
