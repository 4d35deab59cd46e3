"""Groups of options: a command takes a dataclass, the command line sees its fields."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints


def grouped(
    command: Callable[..., None], extra: Sequence[inspect.Parameter] = ()
) -> Callable[..., None]:
    """A function that typer can read: each parameter that is a dataclass becomes its fields.

    Parameters: ``extra`` are further options; their values reach the command's ``**extra``.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    fields_of: dict[str, tuple[type, list[str]]] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        kind = hints[name]
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            options = _options(kind)
            fields_of[name] = (kind, [option.name for option in options])
            parameters += options
        elif parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            parameters.append(parameter.replace(annotation=hints[name]))
    parameters = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in [*parameters, *extra]
    ]

    @functools.wraps(command)
    def flat(**given: Any) -> None:
        groups = {
            name: kind(**{field: given.pop(field) for field in fields})
            for name, (kind, fields) in fields_of.items()
        }
        command(**groups, **given)

    flat.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
    flat.__annotations__ = {each.name: each.annotation for each in parameters}
    del flat.__wrapped__  # else its signature and annotations would be read instead
    return flat


def _options(group: type) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=(
                inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
            ),
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(group)
    ]
