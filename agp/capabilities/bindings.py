"""Which texts a module writes out, and which of its names stand for nothing else."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator

_BUILTINS = frozenset(dir(builtins))
_TRIMS = frozenset({"lstrip", "rstrip", "strip"})


def written_out(node: ast.AST) -> str | None:
    """The text of an expression that is written out, also in pieces joined by ``+``."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.BinOp(op=ast.Add()):
            return _joined(_operands(node))
        case ast.JoinedStr(values=values):
            return _joined(values)
        case _:
            return None


class Bindings:
    """The names of a module, without regard to scope or order."""

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        kept = list(nodes)
        texts = {id(target) for node in kept for target in _texts_of(node)}
        self._other = {
            name for node in kept if id(node) not in texts for name in _bound(node) if name
        }

    def is_written_out(self, node: ast.expr) -> bool:
        """Whether an expression can be nothing but texts that stand whole in the source.

        A name that is bound nowhere counts as such: it is no other text either.
        """
        match node:
            case ast.Name(id=name):
                return name not in self._other and name not in _BUILTINS
            case ast.IfExp(body=first, orelse=second):
                return self.is_written_out(first) and self.is_written_out(second)
            case ast.Call(func=ast.Attribute(value=value, attr=attribute), args=[], keywords=[]):
                return attribute in _TRIMS and self.is_written_out(value)
            case _:
                return written_out(node) is not None


def _texts_of(node: ast.AST) -> Iterator[ast.Name]:
    """The names that a statement binds to a text that is written out."""
    match node:
        case ast.Assign(targets=targets, value=value):
            pass
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            targets = [target]
        case ast.NamedExpr(target=target, value=value):
            targets = [target]
        case _:
            return
    if written_out(value) is not None:
        yield from (target for target in targets if isinstance(target, ast.Name))


def _bound(node: ast.AST) -> Iterator[str | None]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name):
            yield name
        case ast.MatchMapping(rest=name):
            yield name
        case ast.alias(name=name, asname=known):
            yield known or name.partition(".")[0]
        case _:
            pass


def _joined(nodes: Iterable[ast.expr]) -> str | None:
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    known = [text for text in texts if isinstance(text, str)]
    return "".join(known) if known and len(known) == len(list(nodes)) else None


def _operands(node: ast.BinOp) -> list[ast.expr]:
    """The operands of a chain of ``+``, in order, however long it is."""
    found: list[ast.expr] = []
    here: ast.expr = node
    while isinstance(here, ast.BinOp) and isinstance(here.op, ast.Add):
        found.append(here.right)
        here = here.left
    return [here, *reversed(found)]
