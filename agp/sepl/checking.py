"""What every value that an edit gives must be, by the kind of its part.

Code that is not trusted is read here, and never executed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast

from agp.errors import EditError, ResourceError
from agp.permissions.changes import without_words
from agp.rspl.confined.static import parse
from agp.rspl.entities import Record
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.limits import is_limit, limits_in
from agp.rspl.kinds.prompt import placeholders_of
from agp.rspl.kinds.schemas import fault
from agp.secrets import references
from agp.sepl.variables import Variable

SCHEMA = "input_schema"
"""The path of what follows from a signature."""

_NEVER_BLANK = ("description", "params/instructions")


def check_value(variable: Variable, value: Any) -> None:
    """Raise EditError where a value is not of its variable's form."""
    if variable.form in ("text", "code"):
        if not isinstance(value, str):
            raise EditError(f"{variable.id} is text; the edit gives {type(value).__name__}.")
        if variable.path in _NEVER_BLANK and not value.strip() and variable.value:
            raise EditError(f"{variable.id} must not be empty.")
    if variable.schema is not None and (wrong := fault(variable.schema, value)):
        raise EditError(f"{variable.id}: {wrong:.300}")
    if variable.settings:
        _check_limits(variable, value)
    if variable.path == "params/template":
        lost = placeholders_of(variable.value) ^ placeholders_of(value)
        if lost:
            raise EditError(f"{variable.id}: the placeholders must stay as they are: {lost}.")


def _check_limits(variable: Variable, value: Any) -> None:
    old, new = limits_in(variable.value), limits_in(value)
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path) or (path in old) != (path in new):
            raise EditError(f"{variable.id}{path} is a limit, which no edit may change.")


def kept_limits(old: Any, new: Any) -> Any:
    """New settings with the limits of the old ones, as far as they say nothing of them."""
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return new
    was, now = cast("Mapping[str, Any]", old), dict(cast("Mapping[str, Any]", new))
    for name, value in was.items():
        if name in now:
            now[name] = kept_limits(value, now[name])
        elif is_limit(name):
            now[name] = value
    return now


def check_record(record: Record, known: Collection[str] = ()) -> None:
    """Raise EditError where a record refers to variables but those ``known``, or does not parse.

    A reference ``${env:NAME}`` becomes the value of a variable when the resource runs, which is
    before anybody could be asked about it.
    """
    if new := references(record.body()) - set(known):
        raise EditError(f"{record.id} must not refer to the variable {min(new)}.")
    for name, text in record.implementation.files.items():
        if name.endswith(".py"):
            parse(text, f"{record.id}/{name}")


def redescribed(before: Record, after: Record, *, opened: bool) -> Record:
    """The record with the input schema that follows from its code.

    Parameters: ``opened`` whether the signature may change. Raises EditError where it does
    otherwise. Where the code does not tell (types that only running it would), the schema stays,
    and must fit the names of the parameters.
    """
    old = before.body()[SCHEMA]
    new = old
    if before.implementation != after.implementation:
        try:
            new = KINDS[after.type].described(after).body()[SCHEMA]
        except ResourceError:  # what is wrong with it is told when it is validated
            new = old
    if old and not opened and without_words(new) != without_words(old):
        raise EditError(
            f"{after.id}: the edit changes its signature.",
            hint=f"Keep its parameters, or open them: --evolve '{after.id}:{SCHEMA}'",
        )
    return Record.read({**after.body(), SCHEMA: new})
