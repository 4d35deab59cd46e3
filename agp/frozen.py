"""JSON values that cannot be changed: what records are made of."""

from __future__ import annotations

from typing import Any, NoReturn, cast

_DEEPEST = 100


class FrozenDict(dict[str, Any]):
    """A dict that refuses changes; a copy of it is a plain dict."""

    def _refuse(self, *_given: object, **_named: object) -> NoReturn:
        raise TypeError("records do not change: make a new one from body()")

    __setitem__ = __delitem__ = __ior__ = _refuse  # pyright: ignore[reportAssignmentType]
    clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore[reportAssignmentType]

    def copy(self) -> dict[str, Any]:
        """A plain, shallow copy."""
        return dict(self)

    def __deepcopy__(self, memo: object) -> dict[str, Any]:
        return thaw(self)

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


class FrozenList(list[Any]):
    """A list that refuses changes; a copy of it is a plain list."""

    def _refuse(self, *_given: object, **_named: object) -> NoReturn:
        raise TypeError("records do not change: make a new one from body()")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse  # pyright: ignore[reportAssignmentType]
    append = clear = extend = insert = pop = _refuse  # pyright: ignore[reportAssignmentType]
    remove = reverse = sort = _refuse  # pyright: ignore[reportAssignmentType]

    def copy(self) -> list[Any]:
        """A plain, shallow copy."""
        return list(self)

    def __deepcopy__(self, memo: object) -> list[Any]:
        return thaw(self)

    def __reduce__(self) -> Any:
        return list, (list(self),)


def freeze(value: Any, depth: int = 0) -> Any:
    """A deep copy that cannot be changed. Raises ValueError for what is nested too deeply."""
    if depth > _DEEPEST:
        raise ValueError(f"nested more than {_DEEPEST} levels deep")
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return FrozenDict((key, freeze(each, depth + 1)) for key, each in items)
    if isinstance(value, list | tuple):
        return FrozenList(freeze(each, depth + 1) for each in cast("list[Any]", value))
    return value


def thaw(value: Any) -> Any:
    """A deep copy made of plain dicts and lists."""
    if isinstance(value, dict):
        return {key: thaw(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [thaw(each) for each in cast("list[Any]", value)]
    return value
