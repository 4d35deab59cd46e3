"""``${env:NAME}``: what is written where a secret is needed, and when it becomes the secret.

Records, configurations and journals hold the reference. It is resolved at the moment of use, in
this process, and the value is remembered so that nothing that is written holds it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

from agp.errors import MissingVariableError
from agp.secrets.known import remember

_TELLING = 8
_LENIENT = ContextVar("agp_unresolved", default=False)
REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def resolve(value: Any, where: str = "") -> Any:
    """A copy of JSON data with each ``${env:NAME}`` in its texts replaced by the variable.

    Parameters: ``where`` says in messages whose reference it is. Raises MissingVariableError
    naming a variable that is not set.
    """
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: _value(match, where), value)
    if isinstance(value, list):
        return [resolve(each, where) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        return {key: resolve(each, where) for key, each in given.items()}
    return value


def refer(value: Any, names: Collection[str]) -> Any:
    """JSON data with the values of variables put back to their references.

    A value of a few characters stands in many texts by chance, so it is left where it is.
    """
    values = {os.environ.get(name, ""): name for name in names}
    filled = {v: f"${{env:{name}}}" for v, name in values.items() if len(v) >= _TELLING}
    return _put_back(value, filled) if filled else value


@contextmanager
def unresolved() -> Generator[None]:
    """Within this block a reference to a variable that is not set stays as it is written.

    For looking at what is not used yet: a resource may be registered where its secret is not.
    """
    token = _LENIENT.set(True)
    try:
        yield
    finally:
        _LENIENT.reset(token)


def references(value: Any) -> set[str]:
    """The names of the variables that JSON data refers to."""
    if isinstance(value, str):
        return set(REFERENCE.findall(value))
    if isinstance(value, dict):
        return references(list(cast("dict[str, Any]", value).values()))
    if isinstance(value, (list, tuple)):
        return {name for each in cast("list[Any]", value) for name in references(each)}
    return set()


def _put_back(value: Any, filled: dict[str, str]) -> Any:
    if isinstance(value, str):
        for found, reference in filled.items():
            value = value.replace(found, reference)
        return value
    if isinstance(value, list):
        return [_put_back(each, filled) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        return {key: _put_back(each, filled) for key, each in given.items()}
    return value


def _value(match: re.Match[str], where: str) -> str:
    name = match[1]
    value = os.environ.get(name)
    if not value:
        if _LENIENT.get():
            return match[0]
        place = f"{where}: the" if where else "The"
        raise MissingVariableError(
            f"{place} environment variable {name} is not set.",
            hint=f"Set it, for example: export {name}=…",
        )
    remember(value, name)
    return value
