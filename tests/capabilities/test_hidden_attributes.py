"""Ways to an attribute that have no attribute in the syntax tree."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.capabilities.formats import reached
from agp.capabilities.python import in_python

CASES = [
    ("match it:\n    case object(__globals__=g): pass", "dynamic:__globals__"),
    ("match it:\n    case object(_hidden=g): pass", "dynamic:_hidden"),
    ("match it:\n    case [str(), {'a': object(gi_frame=g)}]: pass", "dynamic:gi_frame"),
    ("match it:\n    case object(os=o): pass", "dynamic:os"),
    ("match it:\n    case str(format=f): pass", "dynamic:format"),
    ("match path:\n    case object(write_text=w): pass", "file:write"),
    ("class A:\n    __match_args__ = names", "dynamic:__match_args__"),
    ("@dataclass\nclass A:\n    __globals__: object", "dynamic:__globals__"),
    ("'{0.__class__}'.format(x)", "dynamic:__class__"),
    ("'{0.a.__init__.b}'.format(x)", "dynamic:__init__"),
    ("'{0[a b].__class__}'.format(x)", "dynamic:__class__"),
    ("'{0[}].__class__}'.format(x)", "dynamic:__class__"),
    ("'{0:{1.__class__}}'.format(x, y)", "dynamic:__class__"),
    ("'{0.' + '__class__}'", "dynamic:__class__"),
    ("f'{{0.__class__}}'.format(x)", "dynamic:__class__"),
    ("'{a._private}'.format_map(x)", "dynamic:_private"),
    ("'{0[__any__]}'.format(x)", "dynamic:__any__"),
    ("'{0.gi_frame}'.format(x)", "dynamic:gi_frame"),
    ("'%(__any__)s' % x", "dynamic:__any__"),
    ("def f(t): return t.format(1)", "dynamic:format"),
    ("t = 'a'\nt += x\nt.format(1)", "dynamic:format"),
    ("t = 'a'\nfor t in x: t.format_map(1)", "dynamic:format_map"),
    ("from texts import t\nt.format(1)", "dynamic:format"),
    ("str.format(t, 1)", "dynamic:format"),
    ("self.text.format(1)", "dynamic:format"),
    ("('{0.' + x).format(1)", "dynamic:format"),
    ("list(map(''.join(x).format, y))", "dynamic:format"),
    ("import string\nstring.Formatter()", "dynamic:string.Formatter"),
    ("from string import Formatter as F", "dynamic:string.Formatter"),
    ("import operator as o\no.attrgetter(x)", "dynamic:operator.attrgetter"),
    ("from operator import methodcaller", "dynamic:operator.methodcaller"),
    ("vars(x)", "dynamic:vars"),
    ("locals()", "dynamic:locals"),
    ("dir(x)", "dynamic:dir"),
    ("d = dir\nd(x)", "dynamic:dir"),
    ("help('os')", "dynamic:help"),
    ("i = __import__\ni(x)", "dynamic:__import__"),
    ("import inspect", "dynamic:inspect"),
    ("import gc", "dynamic:gc"),
    ("import marshal", "dynamic:marshal"),
    ("import typing\ntyping.get_type_hints(x)", "dynamic:typing.get_type_hints"),
    ("type('A', (), names)", "dynamic:type"),
    ("t = type\nt(*x)", "dynamic:type"),
    ("class M(type): pass", "dynamic:metaclass"),
    ("class A(metaclass=M): pass", "dynamic:metaclass"),
    ("class A(**x): pass", "dynamic:metaclass"),
    ("object.__setattr__(x, n, v)", "dynamic:__setattr__"),
    ("os.__getstate__()", "dynamic:__getstate__"),
    ("import functools\nfunctools.wraps(f, assigned=x)", "dynamic:functools.wraps"),
    ("# coding: utf-7\nx = 1", "dynamic:coding utf-7"),
    ("#!/usr/bin/python\n# -*- coding: rot13 -*-", "dynamic:coding rot13"),
]


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_it_is_seen(source: str, expected: str):
    assert expected in in_python(source)


@pytest.mark.parametrize(
    "source",
    [
        "match it:\n    case Point(x=0, y=y) | Reply(code=y): pass",
        "TEXT = 'Hello {name}, {0.real} {d[key]}'\nTEXT.format(name=1)",
        "t = 'a {}' if x else 'b {}'\n'{}'.format(t)\n('a {}' if x else 'b').format(1)",
        "'''\n{a}\n'''.strip().format(a=1)",
        "'{0.__name__}: {error!r:>10}'.format(x)",
        '\'{"a": {"_b": 1}} 100% x_{i} }\'',
        "class A:\n    pass\nclass B(A): pass\ntype(x).__name__\nisinstance(x, type)",
        "import abc\nclass A(metaclass=abc.ABCMeta): pass",
        "import functools\n@functools.wraps(f)\ndef g(dir, help=None): return dir",
        "# -*- coding: utf-8 -*-\nx = 1\n# coding: rot13",
    ],
)
def test_plain_code_reaches_nothing(source: str):
    assert not {each for each in in_python(source) if each.startswith("dynamic:")}


LINES = sorted({source for source, _ in CASES if "coding" not in source})


@given(st.lists(st.sampled_from(LINES)), st.lists(st.sampled_from([*LINES, "t = 'a'", "x = 1"])))
def test_more_code_takes_nothing_away(some: list[str], more: list[str]):
    assert in_python("\n".join(some)) <= in_python("\n".join([*more, *some]))


PIECES = ["{", "}", "{{", "[", "]", ".", "_", "__a__", "!r", ":", "%(", ")s", "0", " ", "\n"]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_no_format_is_too_odd(text: str):
    assert all(reached(text))
    assert all(in_python(f"x = {text!r}\n" + text))


@given(st.lists(st.sampled_from(PIECES)).map("".join), st.sampled_from(["", "{a}", "[x]"]))
def test_what_python_formats_with_hidden_attributes_is_seen(before: str, index: str):
    class Any:
        seen = False

        def __getattribute__(self, name: str):
            if name == "_hidden":
                type(self).seen = True
            return self

        def __getitem__(self, key: object):
            return self

        def __format__(self, spec: str):
            return ""

    text = f"{before}{{0{index}._hidden}}"
    with contextlib.suppress(ValueError, IndexError, KeyError, TypeError):
        text.format(Any())
    assert not Any.seen or "_hidden" in set(reached(text))


@pytest.mark.parametrize("piece", ["{a", "{0.", "{0[", "%(_", "{a._", "coding:", "# \t", "\n#"])
def test_long_texts_take_no_time_to_speak_of(piece: str):
    """Each would take hours, were the patterns to start anew at every character."""
    list(reached("_" + piece * 100_000))
    in_python(piece * 10_000)
