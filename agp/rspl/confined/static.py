"""What code says of itself, read from its syntax tree: nothing is executed or evaluated.

Only literals have a value here. What would need running to be known is said to be unknown.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agp.errors import ResourceError
from agp.rspl.bounded import BoundedMemory
from agp.rspl.entities import EntityType, Record
from agp.rspl.source import entry_of

Function = ast.FunctionDef | ast.AsyncFunctionDef

_TREES = 256
_NO_METHODS = ("property", "cached_property", "setter", "deleter", "staticmethod", "classmethod")
_KNOWN_BASES: dict[str, type[Any]] = {"BoundedMemory": BoundedMemory}
"""Classes of agp that shipped resources build on: they are agp's own, so they may be asked."""


@dataclass(frozen=True)
class Entry:
    """What a record's entry names: its file, its name, and the definition."""

    file: str
    name: str
    tree: ast.Module
    definition: Function | ast.ClassDef


@dataclass(frozen=True)
class Shape:
    """What must be known of a class to use its instances.

    ``methods`` are the actions: public methods with a docstring, by name, in their order, with
    the names of their parameters (None where they are only known to agp itself); ``parameters``
    those of the constructor, None where any are taken.
    """

    methods: dict[str, tuple[str, ...] | None]
    parameters: tuple[str, ...] | None
    content: str
    identity: tuple[str, ...]


def entry(record: Record) -> Entry:
    """The definition that a record's entry names, at the top level of its file.

    Raises ResourceError with the line for what is no Python, or where nothing is defined there.
    """
    where = str(record.id)
    file, name = entry_of(record.implementation, where)
    tree = parse(record.implementation.files[file], f"{where}/{file}")
    for node in reversed(tree.body):  # the last definition is the one that holds
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name == name:
            return Entry(file, name, tree, node)
    raise ResourceError(
        f"{where}: {file} defines no {name!r}.",
        hint=f"Define a class or function called {name} there, at the top level.",
    )


@lru_cache(maxsize=_TREES)
def parse(text: str, filename: str) -> ast.Module:
    """The syntax tree of source text. Raises ResourceError naming the line."""
    try:
        return ast.parse(text, filename)
    except SyntaxError as error:
        raise ResourceError(f"{filename}, line {error.lineno or '?'}: {error.msg}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ResourceError(f"{filename}: it is no Python that can be read: {error}.") from error


def function_of(found: Entry, where: str) -> Function:
    """The entry as a function. Raises ResourceError where it is a class."""
    if isinstance(found.definition, ast.ClassDef):
        raise ResourceError(f"{where}: what the file defines under the tool's name is no function.")
    return found.definition


def class_of(found: Entry, where: str) -> ast.ClassDef:
    """The entry as a class. Raises ResourceError where it is a function."""
    if not isinstance(found.definition, ast.ClassDef):
        raise ResourceError(
            f"{where}: field 'implementation.entry' names {found.file}:{found.name}, which is no "
            "class.",
            hint="A resource of this type is built from a class.",
        )
    return found.definition


def parameters_of(
    function: Function, where: str, *, method: bool = False
) -> list[tuple[ast.arg, ast.expr | None]]:
    """The parameters of a function with their defaults; of a method, those after ``self``.

    Raises ResourceError for ``*args`` and the like, which no schema describes, and for parameters
    without a type: code that a person approves later is described by its types.
    """
    parameters = _parameters(function, where)[int(method) :]
    for argument, _ in parameters:
        if argument.annotation is None:
            raise ResourceError(
                f"{where}, line {argument.lineno}: the parameter {argument.arg!r} has no type.",
                hint=f"Write its type, as in `{argument.arg}: str`; `Any` takes everything.",
            )
    return parameters


def _parameters(function: Function, where: str) -> list[tuple[ast.arg, ast.expr | None]]:
    arguments = function.args
    for star in (arguments.vararg, arguments.kwarg):
        if star is not None:
            raise ResourceError(f"{where}: *{star.arg} cannot be described to a model.")
    if arguments.posonlyargs:
        raise ResourceError(f"{where}: {arguments.posonlyargs[0].arg!r} cannot be given by name.")
    missing = [None] * (len(arguments.args) - len(arguments.defaults))
    plain = zip(arguments.args, [*missing, *arguments.defaults], strict=True)
    return [*plain, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]


def annotation_name(node: ast.arg) -> str:
    """The last word of a parameter's annotation, "" where it is none or not a plain name."""
    annotation = node.annotation
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value.rpartition(".")[2]
    if isinstance(annotation, ast.Attribute):
        return annotation.attr
    return annotation.id if isinstance(annotation, ast.Name) else ""


def shape_of(record: Record) -> Shape:
    """The shape of the class that a record's entry names. Raises ResourceError."""
    where = str(record.id)
    found = entry(record)
    lineage = list(_lineage(class_of(found, where), found.tree))
    methods: dict[str, tuple[str, ...] | None] = {}
    typed = record.type is not EntityType.AGENT  # a policy's methods are no actions
    for owner in reversed(lineage):
        methods |= _methods(owner, where, typed)
    return Shape(
        methods,
        _constructor(lineage),
        str(_attribute(lineage, "content", "")),
        tuple(map(str, _attribute(lineage, "identity", ()))),
    )


def shape_of_class(made: type[Any]) -> Shape:
    """The shape of a class that may run in this process, but for its actions."""
    try:
        known: tuple[str, ...] | None = tuple(inspect.signature(made).parameters)
    except (TypeError, ValueError):
        known = None
    content = str(getattr(made, "content", ""))
    identity = tuple(map(str, getattr(made, "identity", ())))
    return Shape({}, known, content, identity)


Owner = ast.ClassDef | type


def _lineage(node: ast.ClassDef, tree: ast.Module) -> Iterator[Owner]:
    """A class and its bases, as far as they are in the file or agp's own, nearest first."""
    local = {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}
    waiting, seen = [node], set[str]()
    while waiting:
        current = waiting.pop(0)
        if current.name in seen:
            continue
        seen.add(current.name)
        yield current
        for base in current.bases:
            name = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
            if name in local:
                waiting.append(local[name])
            elif name in _KNOWN_BASES:
                yield _KNOWN_BASES[name]


def _methods(owner: Owner, where: str, typed: bool) -> dict[str, tuple[str, ...] | None]:
    if isinstance(owner, type):
        found = {n: v for n, v in vars(owner).items() if callable(v) and not n.startswith("_")}
        return {name: None for name, value in found.items() if value.__doc__}
    methods: dict[str, tuple[str, ...] | None] = {}
    for node in owner.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_other(node):
            continue
        if not node.name.startswith("_") and ast.get_docstring(node):
            told = f"{where} {node.name}"
            known = parameters_of(node, told, method=True) if typed else _parameters(node, told)[1:]
            methods[node.name] = tuple(argument.arg for argument, _ in known)
    return methods


def _is_other(node: Function) -> bool:
    """Whether decorators make something else than a method of it (a property, say)."""
    for each in node.decorator_list:
        name = each.id if isinstance(each, ast.Name) else getattr(each, "attr", "")
        if name in _NO_METHODS:
            return True
    return False


def method_of(record: Record, name: str) -> Function | None:
    """The definition of a method, where the record's own file has it."""
    found = entry(record)
    for owner in _lineage(class_of(found, str(record.id)), found.tree):
        if isinstance(owner, ast.ClassDef):
            for node in owner.body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                    return node
    return None


def _constructor(lineage: list[Owner]) -> tuple[str, ...] | None:
    for owner in lineage:
        if isinstance(owner, type):
            code = owner.__init__.__code__
            return code.co_varnames[1 : code.co_argcount]
        for node in owner.body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                if node.args.kwarg is not None:
                    return None
                known = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                return tuple(argument.arg for argument in known[1:])
    # Bases that are not known, decorators such as dataclass: only running it tells.
    return () if all(_plain(owner) for owner in lineage) else None


def _plain(owner: Owner) -> bool:
    return isinstance(owner, ast.ClassDef) and not owner.bases and not owner.decorator_list


def _attribute(lineage: list[Owner], name: str, default: Any) -> Any:
    for owner in lineage:
        if isinstance(owner, type):
            if hasattr(owner, name):
                return getattr(owner, name)
            continue
        for node in owner.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            if isinstance(node, ast.AnnAssign):
                targets = [node.target]
            if any(isinstance(each, ast.Name) and each.id == name for each in targets):
                return literal(getattr(node, "value", None), default)
    return default


def literal(node: ast.expr | None, default: Any) -> Any:
    """The value of a literal; ``default`` for anything else."""
    try:
        return default if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return default


def imports_of(tree: ast.Module) -> set[str]:
    """The first words of the names of all modules that the code imports, wherever it does."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def literal_type(text: object) -> ast.expr | None:
    """The expression of an annotation that is written as a text; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
