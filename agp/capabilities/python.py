"""What Python source could do, by its syntax tree.

Names are followed through imports and plain assignments without regard to scope or order, so
that adding a line to a source never takes a capability away.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache

from agp.capabilities import rules
from agp.capabilities.bindings import Bindings, written_out
from agp.capabilities.formats import reached
from agp.capabilities.texts import in_literal, label, secret_like

UNPARSABLE = "unparsable"
_ROUNDS = 6
"""How long a chain of assignments is followed; what is left is a module used as a value."""
_MOST_NAMES = 64
"""How many things a name is followed to; beyond it is told that it may be anything."""
_DEEPEST = 4
"""The most parts a name in the tables of rules has."""
_UNKNOWN = "?"
_IMPORTED = re.compile(r"^\s*(?:from|import)\s+([\w.]+)", re.M)
_WORD = re.compile(r"\w+")
_CODING = re.compile(r"(?:[^\r\n]*\r?\n?)??[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)")
"""The line by which Python is told to read a file's bytes as other text than we do."""
_OUR_CODINGS = frozenset({"ascii", "us-ascii", "utf-8", "utf8", "utf_8"})


@lru_cache(maxsize=256)
def in_python(source: str) -> frozenset[str]:
    """The capabilities of a module's source; ``unparsable`` is one. Never raises."""
    return _in_python(source) | _in_coding(source)


def _in_python(source: str) -> frozenset[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a string is no business of ours
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset({UNPARSABLE, *_in_words(source)})
    reader = _Reader(tree)
    try:
        return frozenset(reader.read())
    except RecursionError:
        return frozenset({UNPARSABLE, *reader.found, *_in_words(source)})


def _in_coding(source: str) -> frozenset[str]:
    found = _CODING.match(source.removeprefix("\ufeff"))
    if found is None or found[1].lower() in _OUR_CODINGS:
        return frozenset()
    return frozenset({label("dynamic", f"coding {found[1]}")})


def _in_words(source: str) -> Iterator[str]:
    """What the words of a source that does not parse point to."""
    for match in _IMPORTED.finditer(source):
        yield label("import", match[1])
    for word in set(_WORD.findall(source)) & (rules.DYNAMIC_BUILTINS | rules.DUNDERS):
        yield label("dynamic", word)
    yield from in_literal(source)


class _Reader:
    """One module being read; ``found`` are its capabilities so far."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: set[str] = set()
        self._nodes = list(ast.walk(tree))
        self._names: dict[str, set[str]] = {}
        self._modules: set[str] = set()
        self._bindings = Bindings(self._nodes)
        self._used: set[int] = set()
        """Nodes whose meaning was taken care of by what they stand in."""

    def read(self) -> set[str]:
        """All capabilities of the module."""
        self._imports()
        for _ in range(_ROUNDS):
            if not self._assignments():
                break
        for node in self._nodes:
            self._look(node)
        return self.found

    # -- names -----------------------------------------------------------------------------

    def _imports(self) -> None:
        for node in self._nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._imported(alias.name)
                    top = alias.name.partition(".")[0]
                    known, meant = (alias.asname, alias.name) if alias.asname else (top, top)
                    self._names.setdefault(known, set()).add(meant)
                    self._modules.add(known)
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                self._imported(module)
                for alias in node.names:
                    if alias.name == "*":
                        self.found.add(label("dynamic", f"from {module} import *"))
                        continue
                    meant = f"{module}.{alias.name}" if module.strip(".") else alias.name
                    self._names.setdefault(alias.asname or alias.name, set()).add(meant)
                    self._powers(meant)

    def _imported(self, module: str) -> None:
        if module == "__future__":
            return
        self.found.add(label("import", module))
        top = module.partition(".")[0]
        if top:
            self.found.add(label("import", top))
        self._powers(module)

    def _assignments(self) -> bool:
        """Follow ``name = thing``; whether anything new was learnt."""
        new = False
        for node in self._nodes:
            if isinstance(node, ast.Assign):
                targets, value = node.targets, node.value
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
                targets, value = [node.target], node.value
            else:
                continue
            meant = self._meant(value) if value else set[str]()
            for target in targets:
                if meant and isinstance(target, ast.Name):
                    self._used.add(id(value))
                    known = self._names.setdefault(target.id, set())
                    if len(known | meant) > _MOST_NAMES:
                        self.found.add(label("dynamic", f"{target.id} stands for many things"))
                        continue
                    new = new or not meant <= known
                    known |= meant
        return new

    def _meant(self, node: ast.expr) -> set[str]:
        """The dotted names an expression may stand for; what is not known begins with ``?``."""
        match node:
            case ast.Name(id=name):
                own = {name} if name in rules.BUILTINS else set[str]()
                return self._names.get(name, set()) | own
            case ast.Attribute(value=value, attr=attribute):
                return {f"{base}.{attribute}" for base in self._meant(value) or {_UNKNOWN}}
            case ast.Call(func=function, args=[ast.expr() as first, *rest]):
                called = self._meant(function)
                if called & rules.IMPORTERS and (name := written_out(first)):
                    return {name}
                if "getattr" in called and rest and (name := written_out(rest[0])):
                    return {f"{base}.{name}" for base in self._meant(first) or {_UNKNOWN}}
            case ast.Subscript(value=value, slice=key):
                if "sys.modules" in self._meant(value) and (name := written_out(key)):
                    return {name}
            case _:
                pass
        return set()

    # -- what is done ----------------------------------------------------------------------

    def _look(self, node: ast.AST) -> None:
        match node:
            case ast.Constant(value=str() as text):
                self._literal(text)
            case ast.Constant(value=bytes() as data):
                self._literal(data.decode("latin-1"))
            case ast.BinOp(op=ast.Add()):
                if text := written_out(node):
                    self._literal(text)
            case ast.JoinedStr(values=values):
                self._literal("".join(written_out(each) or "\0" for each in values))
            case ast.Attribute(value=value, attr=attribute):
                self._used.add(id(value))
                self._attribute(node, attribute)
            case ast.Name():
                self._name(node)
            case ast.Call():
                self._call(node)
            case ast.MatchClass(kwd_attrs=attributes):
                for each in attributes:
                    self._matched(each)
            case ast.ClassDef():
                self._class(node)
            case ast.AnnAssign(target=ast.Name(id=name)) if name in rules.DUNDERS:
                self.found.add(label("dynamic", name))  # a field by which a class is matched
            case ast.Subscript(value=value, slice=key):
                if any(name.endswith("environ") for name in self._meant(value)):
                    self._variable(written_out(key))
            case _:
                pass

    def _literal(self, text: str) -> None:
        self.found.update(in_literal(text))
        for word in _WORD.findall(text) if "_" in text else ():
            if word in rules.DUNDERS:
                self.found.add(label("dynamic", word))
        self.found.update(label("dynamic", name) for name in reached(text))

    def _attribute(self, node: ast.Attribute, attribute: str) -> None:
        if attribute in rules.DUNDERS:
            self.found.add(label("dynamic", attribute))
        if attribute in rules.HOME_METHODS:
            self.found.add("path:~")
        self._method(attribute)
        if attribute in rules.FORMATS and not self._bindings.is_written_out(node.value):
            self.found.add(label("dynamic", attribute))
        for name in self._meant(node):
            self._powers(name)

    def _method(self, attribute: str) -> None:
        for power, methods in rules.METHODS.items():
            if attribute in methods:
                self.found.add(power)

    def _matched(self, attribute: str) -> None:
        """``case Class(attribute=…)`` reads the attribute of whatever is matched."""
        module = rules.public(attribute)
        if (
            attribute.startswith("_")
            or attribute in rules.DUNDERS | rules.FORMATS
            or module in rules.MODULES - rules.COMMON_WORDS
        ):
            self.found.add(label("dynamic", attribute))
        self._method(attribute)

    def _class(self, node: ast.ClassDef) -> None:
        words = {_last_word(base) for base in node.bases}
        given = {_last_word(each.value) for each in node.keywords if each.arg == "metaclass"}
        if words & rules.METACLASSES or not given <= rules.METACLASSES:
            self.found.add(label("dynamic", "metaclass"))
        if any(keyword.arg is None for keyword in node.keywords):
            self.found.add(label("dynamic", "metaclass"))

    def _name(self, node: ast.Name) -> None:
        if node.id in rules.DYNAMIC_BUILTINS or node.id == "__match_args__":
            self.found.add(label("dynamic", node.id))
        if not isinstance(node.ctx, ast.Load):
            return
        for name in self._meant(node):
            self._powers(name)
        # ast.walk comes to what holds a node first, so an attribute has claimed its module by now.
        if id(node) in self._used:
            return
        if node.id == "open":
            self.found.update(("file:read", "file:write"))
        elif node.id in ("getattr", "setattr", "delattr"):
            self.found.add(label("dynamic", node.id))
        elif node.id in self._modules:
            self.found.update(label("dynamic", f"{name} as a value") for name in self._meant(node))

    def _call(self, node: ast.Call) -> None:
        called = self._meant(node.func)
        self._used.add(id(node.func))
        if called & rules.OPENERS:
            self._opened(node, 1)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "open":
            self._opened(node, 0)
        if called & rules.GETTERS:
            self._variable(written_out(node.args[0]) if node.args else None)
        if called & rules.HOMES:
            self.found.add("path:~")
        if called & rules.IMPORTERS and node.args and (name := written_out(node.args[0])):
            self._imported(name)
        if called & {"getattr", "setattr", "delattr"}:
            self._reached(node, min(called & {"getattr", "setattr", "delattr"}))
        if "type" in called and _takes_more(node, 1):
            self.found.add(label("dynamic", "type"))
        self.found.update(label("dynamic", name) for name in called & rules.CALLED)
        for name in called & rules.WRAPPERS.keys():
            if _takes_more(node, rules.WRAPPERS[name]):
                self.found.add(label("dynamic", name))

    def _reached(self, node: ast.Call, how: str) -> None:
        """``getattr`` and the like: with a name that is written out it is an attribute."""
        if node.args and isinstance(node.args[0], ast.Name):
            self._used.add(id(node.args[0]))
        name = written_out(node.args[1]) if len(node.args) > 1 else None
        if name is None or name.startswith("_") or how != "getattr":
            self.found.add(label("dynamic", how))
            return
        for meant in self._meant(node):
            self._powers(meant)

    def _opened(self, node: ast.Call, position: int) -> None:
        given = [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
        given += node.args[position : position + 1]
        modes = [written_out(each) for each in given]
        if any(isinstance(each, ast.Starred) for each in node.args) or any(
            keyword.arg is None for keyword in node.keywords
        ):
            modes.append(None)
        for mode in modes:
            if mode is None or set(mode) & set("wax+"):
                self.found.add("file:write")
        self.found.add("file:read")

    def _variable(self, name: str | None) -> None:
        self.found.add(label("env", name or "*"))
        if name and secret_like(name):
            self.found.add(label("secret", name))

    def _powers(self, name: str) -> None:
        """Note what a dotted name gives; a module may stand behind another (``logging.os``)."""
        parts = rules.public(name).split(".")
        for start, first in enumerate(parts):
            if start and first not in rules.MODULES:
                continue
            if start and len(parts) > start + 1 and first != "string":  # of a match, say
                self.found.add(label("import", first))
            for end in range(start + 1, min(start + _DEEPEST, len(parts)) + 1):
                dotted = ".".join(parts[start:end])
                for power, names in rules.BY_NAME.items():
                    if dotted in names:
                        self._note(power, names[dotted])

    def _note(self, power: str, dotted: str) -> None:
        if power == "dynamic":
            self.found.add(label("dynamic", dotted))
        elif power == "environment":
            self.found.add("env:*" if dotted.endswith("environb") else "environment")
        else:
            self.found.add(power)


def _last_word(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _takes_more(node: ast.Call, arguments: int) -> bool:
    """Whether a call gives more than so many arguments, or may."""
    starred = any(isinstance(each, ast.Starred) for each in node.args)
    return starred or len(node.args) + len(node.keywords) > arguments
