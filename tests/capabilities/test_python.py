import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.capabilities.python import in_python
from agp.capabilities.texts import in_literal

CASES = [
    ("import os", "import:os"),
    ("import os.path as p", "import:os.path"),
    ("import os.path as p", "import:os"),
    ("from . import helper", "import:."),
    ("from .helper import go", "import:.helper"),
    ("from os import *", "dynamic:from os import *"),
    ("import os\nos.system('id')", "exec"),
    ("import os as o\no.system('id')", "exec"),
    ("from os import system as quiet", "exec"),
    ("import os\nrun = os.system\nrun('id')", "exec"),
    ("import os\nhere = os\nthere = here\nthere.popen('id')", "exec"),
    ("import os\ngetattr(os, 'sys' + 'tem')('id')", "exec"),
    ("import subprocess", "exec"),
    ("import asyncio\nasyncio.create_subprocess_shell('id')", "exec"),
    ("import logging\nlogging.os.system('id')", "exec"),
    ("import logging\nlogging.os.system('id')", "import:os"),
    ("import random\nrandom._os.system('id')", "exec"),
    ("import os.path as p\np.os.system('id')", "exec"),
    ("import sys\nsys.modules['os'].system('id')", "exec"),
    ("import sys\nsys.modules['os']", "dynamic:sys.modules"),
    ("__import__('subprocess')", "import:subprocess"),
    ("__import__('o' + 's').system('id')", "exec"),
    ("__import__(name)", "dynamic:__import__"),
    ("import importlib\nimportlib.import_module('socket')", "network"),
    ("import importlib\nimportlib.import_module('socket')", "dynamic:importlib"),
    ("eval('1')", "dynamic:eval"),
    ("f = eval\nf('1')", "dynamic:eval"),
    ("list(map(exec, texts))", "dynamic:exec"),
    ("compile(text, 'f', 'exec')", "dynamic:compile"),
    ("getattr(thing, name)", "dynamic:getattr"),
    ("getattr(thing, '__globals__')", "dynamic:getattr"),
    ("setattr(thing, 'run', other)", "dynamic:setattr"),
    ("__builtins__['eval']", "dynamic:__builtins__"),
    ("().__class__.__base__.__subclasses__()", "dynamic:__subclasses__"),
    ("go.__globals__", "dynamic:__globals__"),
    ("'{0.__globals__}'.format(go)", "dynamic:__globals__"),
    ("import sys\nsys._getframe(1)", "dynamic:sys._getframe"),
    ("import ctypes", "dynamic:ctypes"),
    ("import pickle", "dynamic:pickle"),
    ("import os\nhelp_me(os)", "dynamic:os as a value"),
    ("import socket", "network"),
    ("import urllib.request", "network"),
    ("from http.client import HTTPSConnection", "network"),
    ("import requests", "network"),
    ("x = 'https://user:pw@Evil.Example:8443/p?q'", "host:evil.example:8443"),
    ("x = 'evil.zone'", "host:evil.zone"),
    ("x = '10.0.0.7'", "host:10.0.0.7"),
    ("x = '::1'", "host:::1"),
    ("x = f'https://evil.example/{secret}'", "host:evil.example"),
    ("x = 'https://' + 'evil.example'", "host:evil.example"),
    ("x = b'http://evil.example/'", "host:evil.example"),
    ("x = '/etc/passwd'", "path:/etc/passwd"),
    ("x = '//etc//./passwd'", "path:/etc/passwd"),
    ("x = '/et' + 'c/passwd'", "path:/etc/passwd"),
    ("x = '~/.ssh/id_rsa'", "path:~/.ssh/id_rsa"),
    ("x = '../../answers.json'", "path:../../answers.json"),
    ("x = '..'", "path:.."),
    ("x = 'C:/Users/me'", "path:C:/Users/me"),
    ("from pathlib import Path\nPath.home()", "path:~"),
    ("import os\nos.path.expanduser(x)", "path:~"),
    ("open('a', 'w')", "file:write"),
    ("open('a', mode='r+')", "file:write"),
    ("open('a', mode)", "file:write"),
    ("open(*given)", "file:write"),
    ("o = open\no('a', 'x')", "file:write"),
    ("list(map(open, names))", "file:write"),
    ("open('a')", "file:read"),
    ("import io\nio.open('a', 'a')", "file:write"),
    ("path.write_text('x')", "file:write"),
    ("path.open('w')", "file:write"),
    ("import shutil", "file:write"),
    ("import os\nos.remove('a')", "file:write"),
    ("import os\nos.environ['MY_FLAG']", "env:MY_FLAG"),
    ("import os\nos.environ['API_KEY']", "secret:API_KEY"),
    ("import os\nos.getenv('MY_FLAG')", "env:MY_FLAG"),
    ("from os import environ as e\ne.get('GITHUB_TOKEN')", "secret:GITHUB_TOKEN"),
    ("import os\nos.environ[name]", "env:*"),
    ("import os\ndict(os.environ)", "environment"),
    ("x = '${env:API_KEY}'", "secret:API_KEY"),
    ("import os\nos.kill(1, 9)", "signal"),
    ("def f(", "unparsable"),
    ("import os\ndef f(", "import:os"),
    ("eval(\n", "dynamic:eval"),
    ("x = 1\x00", "unparsable"),
]


@pytest.mark.parametrize(("source", "expected"), CASES)
def test_power_is_seen(source: str, expected: str):
    assert expected in in_python(source)


@pytest.mark.parametrize(
    "source",
    [
        "from __future__ import annotations",
        "def add(a: float, b: float):\n    '''Add a and/or b, e.g. 1/2.'''\n    return a + b",
        "self.system = name\nself.run(text.split('/'))",
        "kind = getattr(thing, 'kind', None)",
        "value = 'v1.2.3'\nname = 'summary.py'\nratio = 'km/h'\nlower = evaluate(1)",
    ],
)
def test_plain_code_has_none(source: str):
    assert in_python(source) == frozenset()


def test_reading_is_no_writing():
    assert "file:write" not in in_python("open('a', 'rb')")


def test_endless_nesting_is_unparsable_and_not_an_error():
    assert "unparsable" in in_python("(" * 5000)
    in_python("x = " + "+".join(["'a'"] * 3000))
    in_python("x" + ".a" * 3000)
    in_python("x" + ".a" * 800)


def test_names_that_stand_for_more_and_more_things_are_given_up():
    source = "import os\na = os\n" + "".join(f"a = a.x{n}\n" for n in range(200))
    assert "dynamic:a stands for many things" in in_python(source)


@pytest.mark.parametrize("piece", ["+", "a/", "${a-", "a.", "a@", "~-", "\\\\", "..", "//a", "a:/"])
def test_long_texts_take_no_time_to_speak_of(piece: str):
    """Each would take hours, were the patterns to start anew at every character."""
    list(in_literal(piece * 100_000))


_ALL = {line for source, _ in CASES for line in source.split("\n") if "def f(" not in line}
LINES = sorted(line for line in _ALL if "\x00" not in line and line != "eval(")


@given(st.lists(st.sampled_from(LINES)), st.lists(st.sampled_from(LINES)), st.booleans())
def test_a_line_more_takes_nothing_away(lines: list[str], more: list[str], first: bool):
    together = [*more, *lines] if first else [*lines, *more]
    assert in_python("\n".join(lines)) <= in_python("\n".join(together))


@given(st.text() | st.lists(st.sampled_from([*"()[]{}\n\t 'f\"=.:", *LINES])).map("".join))
def test_no_text_is_too_odd(source: str):
    assert all(isinstance(each, str) and each for each in in_python(source))
