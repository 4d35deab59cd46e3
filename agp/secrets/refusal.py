"""Refusing what would keep a secret for ever: versions, commits, names are never rewritten."""

from __future__ import annotations

from typing import Any

from agp.errors import SecretError
from agp.secrets.redaction import redact
from agp.secrets.structured import find_json, redact_json

_SHOWN = 5


def refuse(value: Any, where: str) -> None:
    """Raise SecretError where JSON data holds a secret.

    The error names ``where``, the field and line, and the kind; never the secret.
    """
    if redact_json(value) is value:
        return
    places = list(find_json(value))
    shown = [
        (f"field {place.path}, " if place.path else "") + f"line {place.line}: {place.kind}"
        for place in places[:_SHOWN]
    ]
    more = f" (and {len(places) - _SHOWN} more)" * (len(places) > _SHOWN)
    raise SecretError(
        f"{redact(where)} holds a secret: {'; '.join(shown)}{more}. It was not stored.",
        hint="Write ${env:NAME} in its place and set that variable. If it is no secret, write it "
        "differently: what is stored is never rewritten.",
    )
