"""``${VAR}`` or ``${env:VAR}`` in a server's configuration: filled in only when connecting.

Records hold the names of variables, never their values, because history keeps every word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from agp.errors import ResourceError, ServerError
from agp.secrets import remember_variable

_VARIABLE = re.compile(r"\$\{(?:env:)?(\w+)(?::-([^}]*))?\}", re.ASCII)
_SECRET = re.compile(
    r"(?i)(^|[_-])(authorization|cookie|token|secret|password|passwd|credentials?|(api)?key)$"
)
_SHORTEST_SECRET = 4


def fill(value: Any, environment: Mapping[str, str], where: str) -> Any:
    """``value`` with each ``${VAR}`` or ``${VAR:-default}`` in its texts replaced.

    Raises ServerError naming a variable that is not set.
    """
    if isinstance(value, str):
        return _VARIABLE.sub(lambda match: _value(match, environment, where), value)
    if isinstance(value, list):
        return [fill(each, environment, where) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        return {key: fill(each, environment, where) for key, each in given.items()}
    return value


def redact(text: str, config: Any, environment: Mapping[str, str]) -> str:
    """``text`` with the values of the variables that ``config`` uses put back to their names."""
    names = {match[1] for match in _VARIABLE.finditer(str(config))}
    for name in sorted(names, key=lambda name: -len(environment.get(name, ""))):
        value = environment.get(name, "")
        if len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, f"${{{name}}}")
    return text


def refuse_literal_secrets(config: Mapping[str, Any], where: str) -> None:
    """Raise ResourceError where a secret is written out instead of ``${VAR}``."""
    for field in ("env", "headers"):
        for name, value in config.get(field, {}).items():
            if _SECRET.search(name) and value and not _VARIABLE.search(value):
                raise _literal(f"{where}: field {field}.{name}", name)
    written: str = config.get("url", "")
    url = urlsplit(written)
    if url.password and not _VARIABLE.search(url.password):
        raise _literal(f"{where}: the password in the url", "PASSWORD")
    for name, value in parse_qsl(url.query):
        if _SECRET.search(name) and not _VARIABLE.search(value):
            raise _literal(f"{where}: {name!r} in the url", name)


def _value(match: re.Match[str], environment: Mapping[str, str], where: str) -> str:
    name, default = match.groups()
    value = environment.get(name) or default  # as in a shell: the default of an empty one too
    if value is None:
        raise ServerError(
            f"{where}: the environment variable {name} is not set.",
            hint=f"Set it, for example: export {name}=…",
        )
    remember_variable(name, value)
    return value


def _literal(place: str, name: str) -> ResourceError:
    variable = re.sub(r"\W+", "_", name, flags=re.ASCII).upper()
    return ResourceError(
        f"{place} looks like a secret that is written out.",
        hint=f"Write ${{{variable}}} and set that variable: files become part of the history.",
    )
