"""Reading `agp.policy.toml`: a policy, or an error that names file, line and field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from agp.errors import InputError
from agp.permissions.policy import FILE, Policy

_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')\s*(?:=|\.)")


def read_policy(folder: Path) -> Policy:
    """The policy of a project's folder; the default one where there is no file.

    Raises InputError naming file, line and field.
    """
    path = folder / FILE
    if not path.exists():
        return Policy()
    return parse_policy(policy_text(folder), str(path))


def policy_text(folder: Path) -> str:
    """The file as it is written, empty where there is none. Raises InputError."""
    path = folder / FILE
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def parse_policy(text: str, where: str) -> Policy:
    """The policy that a text holds. Raises InputError naming ``where``, line and field."""
    try:
        return Policy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        last = f"at line {len(text.splitlines()) or 1}, the last"
        said = str(error).replace("at end of document", last)
        raise InputError(f"{where}: {said}.", hint="It must be TOML.") from error
    except RecursionError as error:
        raise InputError(f"{where}: it is nested too deeply.") from error
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, fault["loc"]))
        line = _line_of(text, [str(part) for part in fault["loc"]])
        place = f"{where}, line {line}" if line else where
        said = fault["msg"].removeprefix("Value error, ")
        raise InputError(
            f"{place}: field {field!r}: {said}.",
            hint="What the file may hold: agp policy init --print",
        ) from error


def _line_of(text: str, field: Sequence[str]) -> int | None:
    """The line that sets a field, or the nearest one above it that was written."""
    best, found = 0, None
    header: list[str] = []
    tables: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _HEADER.fullmatch(line):
            header = [part.strip().strip("\"'") for part in match[1].split(".")]
            if line.lstrip().startswith("[["):
                tables[match[1]] = tables.get(match[1], -1) + 1
                header.append(str(tables[match[1]]))
            here = header
        elif match := _KEY.match(line):
            here = [*header, match[1].strip("\"'")]
        else:
            continue
        if list(field[: len(here)]) == here and len(here) > best:
            best, found = len(here), number
    return found
