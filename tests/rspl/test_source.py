"""Code from records as modules: found by name while it is used, gone when it is not."""

from __future__ import annotations

import dataclasses
import gc
import linecache
import pickle
import sys
import traceback
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest

from agp.errors import ResourceError
from agp.rspl.source import MOST_MODULES, load_source

TEXT = """
from __future__ import annotations
import dataclasses

@dataclasses.dataclass
class Point:
    x: int

    def twin(self) -> Point:
        return Point(self.x)

def fail(point: Point) -> Point:
    raise RuntimeError("on line 13")
"""


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    """No other module is kept, before or after."""
    load_source.cache_clear()
    gc.collect()
    yield
    load_source.cache_clear()


def loaded() -> set[str]:
    return {name for name in sys.modules if name.startswith("agp_resource_")}


def push_out() -> None:
    """Load so many other modules that all others are forgotten."""
    for number in range(MOST_MODULES):
        load_source(f"number = {number}", filename=f"other/{number}.py")
    gc.collect()


def test_modules_that_nothing_uses_go() -> None:
    before = loaded()
    load_source(TEXT, filename="tool/it/tool.py")
    assert len(loaded() - before) == 1
    push_out()
    push_out()
    assert len(loaded() - before) == MOST_MODULES
    assert "tool/it/tool.py" not in linecache.cache
    load_source.cache_clear()
    gc.collect()
    assert loaded() <= before
    assert not [name for name in linecache.cache if name.startswith("other/")]


def test_what_is_alive_works_as_before_when_its_module_is_forgotten() -> None:
    module = load_source(TEXT, filename="tool/it/tool.py")
    point: Any = module.Point(1)
    fail, name = module.fail, module.__name__
    del module
    push_out()
    assert get_type_hints(fail) == {"point": type(point), "return": type(point)}
    assert get_type_hints(type(point)) == {"x": int}
    assert get_type_hints(point.twin) == {"return": type(point)}
    assert pickle.loads(pickle.dumps(point)) == point
    bigger = dataclasses.make_dataclass("Bigger", [("y", "int")], bases=(type(point),))
    bigger.__module__ = name
    assert get_type_hints(bigger) == {"x": int, "y": int}
    with pytest.raises(RuntimeError) as raised:
        fail(point)
    assert 'raise RuntimeError("on line 13")' in "".join(traceback.format_exception(raised.value))
    again = load_source(TEXT, filename="tool/it/tool.py")
    assert again.Point is type(point)


def test_code_that_fails_is_not_kept() -> None:
    before = loaded()
    with pytest.raises(ResourceError, match="line 2: KeyError"):
        load_source("x = 1\nraise KeyError(x)", filename="tool/it/tool.py")
    gc.collect()
    assert loaded() == before
    assert "tool/it/tool.py" not in linecache.cache


def test_a_module_finds_and_changes_itself_by_name() -> None:
    text = "import sys\nsys.modules[__name__].added = 1\nseen = dir(sys.modules[__name__])\n"
    module: Any = load_source(text, filename="tool/it/tool.py")
    assert module.added == 1
    assert "added" in module.seen
    assert isinstance(hash(sys.modules[module.__name__]), int)


def test_an_older_version_leaves_the_lines_of_the_newer() -> None:
    load_source("x = 1", filename="tool/it/tool.py")
    newer = load_source("x = 2", filename="tool/it/tool.py")
    push_out()
    assert linecache.getline("tool/it/tool.py", 1) == "x = 2"
    assert newer.x == 2
