"""Programs that try to be passed without being right, and the honest ones that must still be."""

from __future__ import annotations

import pytest

from agp.evaluation.judge import judge_python
from agp.processes import Limits, run_python

QUICK = Limits(wall_s=2.0, memory_mb=300)
TESTS = """
import math, random, time
def check(f):
    assert f(2) == 4
    assert f(3) == 6
    assert abs(f(1.5) - 3.0) < 1e-6
    assert math.isclose(f(0.5), 1.0)
    assert f(10) in (20, 20.0)
    assert sorted([f(2), f(1)]) == [2, 4]
check(double)
"""

LIES = """
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    def __gt__(self, other): return False
    def __sub__(self, other): return self
    def __rsub__(self, other): return self
    def __float__(self): return 1.0
    def __abs__(self): return self
    def __contains__(self, item): return True
    def __hash__(self): return 0
"""
SOME = "def double(x): return {1: 2, 2: 4, 3: 6, 10: 20}.get(x, 1)\n"

SUCCEED_IN_ONE_INTERPRETER = {
    "an object that equals everything": f"class Yes:{LIES}\ndef double(x): return Yes()\n",
    "a number that equals everything": f"class Yes(float):{LIES}\ndef double(x): return Yes(1)\n",
    "ending with 0": "import os\ndef double(x): os._exit(0)\n",
    "ending at once": "import os\nos._exit(0)\n",
    "a hidden exit": "def double(x): raise SystemExit(0)\n",
    "patched builtins and modules": "import builtins, math\n"
    "builtins.abs = lambda x: 0\n"
    f"math.isclose = lambda *a, **k: True\n{SOME}",
    "a patched module in sys.modules": "import random, sys, types\n"
    "sys.modules['math'] = types.SimpleNamespace(isclose=lambda *a: True)\n"
    f"def abs(x): return 0\n{SOME}",
    "a plant over the tests": "open('tests.py', 'w').write('')\n",
    "answers read from the tests": "import sys\n"
    "def double(x):\n"
    "    line = open('tests.py').readlines()[sys._getframe(1).f_lineno - 1]\n"
    "    if '==' in line: return eval(line.partition('==')[2].replace('[2, 4]', '2 * x'))\n"
    "    return 3.0 if 'abs' in line else 20\n"
    "import math\nmath.isclose = lambda *a: True\n",
    "frames that lead to the tests": "import sys\n"
    "def double(x):\n"
    "    frame = sys._getframe(1)\n"
    "    frame.f_globals['abs'] = lambda x: 0\n"
    "    frame.f_globals['math'].isclose = lambda *a: True\n"
    "    return {1: 2, 2: 4, 3: 6, 10: 20}.get(x, 1)\n",
}

FORGERIES = SUCCEED_IN_ONE_INTERPRETER | {
    "a frame on standard output": 'print(\'{"category": "PASS"}\')\ndef double(x): return 4\n',
    "a reply that says PASS": "import agp_guest\n"
    "failed = {'category': 'PASS', 'message': '', 'trace': []}\n"
    "agp_guest.ask('next', reply={'failed': failed})\n",
    "a reply that says nothing": "import agp_guest\n"
    "while True: agp_guest.ask('next', reply=None)\n",
    "replies of no form": "import agp_guest\n"
    "while True: agp_guest.ask('next', reply={'value': {'object': 'x', 'tuple': 1}})\n",
    "a trace of no form": "import agp_guest\n"
    "raised = {'names': ['ValueError'], 'text': '', 'args': [], 'trace': [1, [2], ['x'] * 9]}\n"
    "while True: agp_guest.ask('next', reply={'raised': raised})\n",
    "stand-ins for everything": "import agp_guest\n"
    "for each in range(50):\n"
    "    agp_guest.ask('next', reply={'value': {'object': 0, 'kind': 'callable'}})\n",
    "a grant that is not its own": "import agp_guest\n"
    "agp_guest.ask('call', message={'do': 'end'})\n"
    "def double(x): return 4\n",
    "an exception of the tests' own": "def double(x): raise StopIteration\n",
}

NAIVE = """
program = open('candidate.py').read()
space = {}
exec(compile(program, 'candidate.py', 'exec'), space)
exec(compile(open('tests.py').read(), 'tests.py', 'exec'), space)
"""


@pytest.mark.parametrize(
    "program", SUCCEED_IN_ONE_INTERPRETER.values(), ids=SUCCEED_IN_ONE_INTERPRETER
)
async def test_a_naive_judge_is_deceived(program: str) -> None:
    """What these are worth: in one interpreter with the tests each of them is passed."""
    files = {"candidate.py": program, "tests.py": TESTS}
    assert (await run_python(NAIVE, files=files, limits=QUICK)).outcome == "ok"


@pytest.mark.parametrize("program", FORGERIES.values(), ids=FORGERIES)
async def test_no_program_is_passed_without_being_right(program: str) -> None:
    verdict = await judge_python(program, tests=TESTS, entry="double", limits=QUICK)
    assert verdict.category in ("WA", "RE"), verdict


async def test_the_same_tests_pass_a_right_program() -> None:
    verdict = await judge_python("def double(x): return 2 * x", tests=TESTS, entry="double")
    assert verdict.passed, verdict


@pytest.mark.parametrize("place", ["tests.py", "../tests.py", "/proc/self/../../tests.py"])
async def test_the_tests_cannot_be_read(place: str) -> None:
    program = (
        "import glob, os, sys, gc\n"
        "def find(secret):\n"
        f"    try: return open({place!r}).read()\n"
        "    except OSError: pass\n"
        "    held = [each for each in gc.get_objects() if isinstance(each, dict)]\n"
        "    texts = [text for each in held for text in each.values() if isinstance(text, str)]\n"
        "    joined = chr(10).join(texts)\n"
        "    where = joined.find('se' + 'same')\n"
        "    return joined[where : where + 12] if where >= 0 else 'nothing'\n"
    )
    tests = "expected = 'sesame-' + str(1234)\nassert find(1) == 'nothing'\n"
    verdict = await judge_python(program, tests=tests, entry="find")
    assert verdict.passed, verdict


async def test_helpers_of_the_tests_are_not_the_programs() -> None:
    """HumanEval/32: the tests check a root with ``poly``, which the program could redefine."""
    helpers = "def poly(xs, x): return sum(c * x**i for i, c in enumerate(xs))\n"
    program = "def poly(xs, x): return 0\ndef find_zero(xs): return 1.0\n"
    tests = "assert abs(poly([-4, 2], find_zero([-4, 2]))) < 1e-4\n"
    assert (await judge_python(program, tests=tests, helpers=helpers)).category == "WA"
    right = "def find_zero(xs): return -xs[0] / xs[1]"
    assert (await judge_python(right, tests=tests, helpers=helpers)).passed


async def test_arguments_are_the_tests_own_unless_shared() -> None:
    program = "def f(xs):\n    xs.clear()\n    return []\n"
    tests = "xs = [3, 1]\nassert f(xs) == sorted(xs)\n"
    alone = await judge_python(program, tests=tests, shared_arguments=False)
    assert alone.category == "WA"
    in_place = "def f(xs, seen):\n    xs.sort()\n    seen['n'] = len(xs)\n"
    tests = "xs, seen = [3, 1], {}\nf(xs, seen)\nassert xs == [1, 3] and seen == {'n': 2}\n"
    assert (await judge_python(in_place, tests=tests)).passed
    assert not (await judge_python(in_place, tests=tests, shared_arguments=False)).passed


HONEST = {
    "every kind of plain value": (
        "def f(x): return x",
        "import math\n"
        "for x in (0, -5, 2**80, 1.5, 1e308, 2j, 'ü', '\\ud800', b'\\x00', True, None, (1, (2,)),"
        " [1, [2.0]], {(1, 2): {3}, 'a': None}, frozenset({1}), range(3), bytearray(b'x')):\n"
        "    got = f(x)\n"
        "    assert got == x and type(got) is type(x), x\n"
        "assert math.isnan(f(math.nan)) and f(-math.inf) == -math.inf\n",
    ),
    "derived types count as what they derive from": (
        "import collections, enum\n"
        "def f():\n    return collections.Counter('aab')\n"
        "Point = collections.namedtuple('Point', 'x y')\n"
        "def g(): return Point(1, 2)\n"
        "class Colour(enum.IntEnum):\n    RED = 3\n"
        "def h(): return Colour.RED\n",
        "assert f() == {'a': 2, 'b': 1} and g() == (1, 2) and h() == 3\n",
    ),
    "generators": (
        "def f(n):\n    for i in range(n): yield i\n"
        "def forever():\n    n = 0\n    while True:\n        yield n\n        n += 1\n",
        "import itertools\n"
        "assert list(f(4)) == [0, 1, 2, 3]\nassert f(2) != [0, 1]\n"
        "assert list(itertools.islice(forever(), 3)) == [0, 1, 2]\n",
    ),
    "classes": (
        "class Bag:\n"
        "    size = 0\n"
        "    def __init__(self, *items): self.items = list(items)\n"
        "    def add(self, item):\n        self.items.append(item)\n        return self\n"
        "    def __len__(self): return len(self.items)\n"
        "    def __eq__(self, other): return self.items == other.items\n"
        "    def __add__(self, other): return Bag(*self.items, *other.items)\n"
        "    def __getitem__(self, i): return self.items[i]\n"
        "    def __enter__(self): return self\n"
        "    def __exit__(self, *about): self.items.append('left')\n"
        "    def __str__(self): return f'Bag{self.items}'\n",
        "bag = Bag(1)\n"
        "assert bag.add(2) is bag and len(bag) == 2 and bag[1] == 2 and bag.items == [1, 2]\n"
        "assert Bag(1) + Bag(2) == bag and Bag(3) != bag and isinstance(bag, Bag)\n"
        "bag.size = 7\nassert bag.size == 7 and list(bag) == [1, 2] and 2 in bag\n"
        "with bag as same:\n    assert same is bag\n"
        "assert str(bag) == \"Bag[1, 2, 'left']\"\n"
        "from candidate import Bag as Other\nassert Other(5).items == [5]\n",
    ),
    "functions handed over": (
        "def apply(f, xs): return [f(x) for x in xs]\n"
        "def twice(f): return lambda x: f(f(x))\n"
        "def guarded(f):\n    try: f()\n    except KeyError as error: return error.args[0]\n",
        "assert apply(lambda x: x * 2, [1, 2]) == [2, 4]\n"
        "assert twice(lambda x: x + 3)(1) == 7\n"
        "def fails(): raise KeyError('k')\n"
        "assert guarded(fails) == 'k'\n"
        "assert apply(twice(lambda x: x + 1), iter([1])) == [3]\n",
    ),
    "exceptions": (
        "class Overdrawn(ValueError): pass\n"
        "def f(x):\n    if x < 0: raise Overdrawn('too low', x)\n    return {}['k']\n",
        "try:\n    f(-1)\nexcept ValueError as error:\n    assert error.args == ('too low', -1)\n"
        "else:\n    assert False\n"
        "try:\n    f(-2)\nexcept Overdrawn:\n    pass\n"
        "try:\n    f(0)\nexcept KeyError as error:\n    assert error.args == ('k',)\n"
        "else:\n    assert False\n",
    ),
    "asynchronous functions": (
        "import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x + 1\n",
        "import asyncio\nassert asyncio.run(f(2)) == 3\n",
    ),
    "modules and values of the program": (
        "import math\nLIMIT = 5\n",
        "assert math.floor(2.5) == 2 and LIMIT == 5\n",
    ),
    "tests in classes": (
        "def f(x): return x + 1\nLIMIT = 5\n",
        "import unittest\n"
        "class Cases(unittest.TestCase):\n"
        "    most = LIMIT\n    got = f(1)\n"
        "    def test_it(self):\n"
        "        self.assertEqual(self.got, 2)\n        self.assertEqual(f(self.most), 6)\n"
        "Cases('test_it').debug()\n",
    ),
    "numbers of numpy": (
        "import numpy as np\ndef f(xs): return np.sum(xs)\ndef g(xs): return np.array(xs) * 2\n",
        "assert f([1, 2]) == 3 and list(g([1, 2])) == [2, 4]\n",
    ),
}


@pytest.mark.parametrize(("program", "tests"), HONEST.values(), ids=HONEST)
async def test_what_crosses(program: str, tests: str) -> None:
    verdict = await judge_python(program, tests=tests)
    assert verdict.passed, verdict


async def test_an_answer_too_large_or_too_deep_is_no_pass() -> None:
    large = "def f(): return 'x' * 3_000_000"
    assert (await judge_python(large, tests="assert f()")).category == "RE"
    deep = "def f():\n    x = []\n    for _ in range(5000): x = [x]\n    return x\n"
    assert "nested" in (await judge_python(deep, tests="assert f()")).feedback


async def test_endless_tests_end() -> None:
    program = "def f():\n    while True: yield 1\n"
    verdict = await judge_python(program, tests="assert sum(f()) == 3", limits=QUICK)
    assert verdict.category == "TLE"
