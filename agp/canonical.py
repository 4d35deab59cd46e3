"""Canonical JSON (RFC 8785) and the content digests made from it: the identity of everything."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

import rfc8785

from agp.errors import InputError

_LARGEST = 2**53 - 1
_SMALLEST_PLAIN, _LARGEST_PLAIN = 1e-4, 1e16
"""Fractions between these are written without an exponent, by Python as by RFC 8785."""
_HARD = object()
_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
)


def canonical_json(value: Any) -> bytes:
    """The one byte form of a JSON value: keys sorted, numbers in shortest form, UTF-8.

    Raises InputError for what JSON cannot hold: NaN, infinities, lone surrogates, integers
    beyond ±(2^53 - 1), keys that are not strings, other Python types.
    """
    try:
        simple = _simple(value)  # what C code writes the same, several times faster
        if simple is not _HARD:
            return _ENCODER.encode(simple).encode("utf-8")
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise InputError(
            f"This value has no canonical JSON form: {error}",
            hint="Use strings, finite numbers, booleans, null, lists, objects with string keys.",
        ) from error


def _simple(value: Any) -> Any:
    """A value that the standard encoder writes canonically, or `_HARD`.

    It writes whole floats otherwise (1.0, not 1), and does not know large integers, exponents, and
    the order of keys beyond ASCII.
    """
    kind = cast("type[object]", type(value))
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return value if -_LARGEST <= value <= _LARGEST else _HARD
    if kind is float:
        if value.is_integer():
            return int(value) if -_LARGEST <= value <= _LARGEST else _HARD
        return value if _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN else _HARD
    if kind is dict:
        return _simple_dict(value)
    if kind is list:
        items = [_simple(each) for each in value]
        return _HARD if any(each is _HARD for each in items) else items
    return _HARD


def _simple_dict(value: dict[Any, Any]) -> Any:
    simple: dict[str, Any] = {}
    for key, each in value.items():
        if type(key) is not str or not key.isascii():
            return _HARD
        new = _simple(each)
        if new is _HARD:
            return _HARD
        simple[key] = new
    return simple


def digest(value: Any) -> str:
    """SHA-256 (64 hex digits) of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def short(full: str | None) -> str:
    """The first 12 hex digits of a digest: what people read."""
    return (full or "-")[:12]
