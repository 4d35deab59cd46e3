"""Canonical JSON (RFC 8785) and the content digests made from it: the identity of everything."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

from agp.errors import InputError


def canonical_json(value: Any) -> bytes:
    """The one byte form of a JSON value: keys sorted, numbers in shortest form, UTF-8.

    Raises InputError for what JSON cannot hold: NaN, infinities, lone surrogates, integers
    beyond ±(2^53 - 1), keys that are not strings, other Python types.
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise InputError(
            f"This value has no canonical JSON form: {error}",
            hint="Use strings, finite numbers, booleans, null, lists, objects with string keys.",
        ) from error


def digest(value: Any) -> str:
    """SHA-256 (64 hex digits) of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def short(full: str | None) -> str:
    """The first 12 hex digits of a digest: what people read."""
    return (full or "-")[:12]
