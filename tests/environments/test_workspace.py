"""The workspace is a bounded mapping of path to text, and no path leads out of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agp.errors import ResourceError
from agp.rspl.kinds import KINDS
from tests.memory.shipped import Acting, shipped

PATHS = st.sampled_from(["a.txt", "b.txt", "dir/a.txt", "dir/b/c.md", "./a.txt", "dir//a.txt"])
TEXTS = st.text(max_size=30)


def plain(path: str) -> str:
    return path.removeprefix("./").replace("//", "/")


class Workspace(RuleBasedStateMachine):
    """Compares the workspace with a plain dict under its bounds of 3 files and 60 bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.acting = Acting(shipped("environment/workspace", max_files=3, max_bytes=60))
        self.model: dict[str, str] = {}

    def act(self, action: str, allowed: dict[str, str] | None, **arguments: Any) -> Any:
        """``allowed``: what the files are afterwards, None where it must be refused."""
        fits = allowed is not None and self._fits(allowed)
        try:
            result = asyncio.run(self.acting(action, **arguments))
        except ValueError:
            assert not fits
            return None
        assert fits
        assert allowed is not None
        self.model = allowed
        return result

    def _fits(self, files: dict[str, str]) -> bool:
        return len(files) <= 3 and sum(len(text.encode()) for text in files.values()) <= 60

    @rule(path=PATHS, text=TEXTS)
    def write(self, path: str, text: str) -> None:
        self.act("write", {**self.model, plain(path): text}, path=path, text=text)

    @rule(path=PATHS, text=TEXTS)
    def append(self, path: str, text: str) -> None:
        longer = self.model.get(plain(path), "") + text
        self.act("append", {**self.model, plain(path): longer}, path=path, text=text)

    @rule(path=PATHS, old=st.sampled_from(["a", "0", ""]), new=TEXTS)
    def replace(self, path: str, old: str, new: str) -> None:
        text = self.model.get(plain(path), "")
        once = old and text.count(old) == 1
        after = {**self.model, plain(path): text.replace(old, new)} if once else None
        self.act("replace", after, path=path, old=old, new=new)

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        left = {p: t for p, t in self.model.items() if p != plain(path)}
        self.act("delete", left if plain(path) in self.model else None, path=path)

    @rule(path=PATHS)
    def read(self, path: str) -> None:
        there = plain(path) in self.model
        result = self.act("read", self.model if there else None, path=path)
        assert result == self.model.get(plain(path))

    @invariant()
    def it_holds_what_the_model_holds(self) -> None:
        assert self.acting.state == self.model
        listed = asyncio.run(self.acting("list"))
        assert listed == {path: len(text) for path, text in self.model.items()}


TestWorkspace = Workspace.TestCase
TestWorkspace.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)


@pytest.mark.parametrize(
    "path",
    [
        *("", " ", ".", "/", "/etc/passwd", "..", "../x", "a/../../x", "a/..", "dir/"),
        *("a\\b", "C:x", "C:/x", "a\x00b", "a\nb", "a\u202eb", "a\u200bb", "a" * 201, "\udfff"),
    ],
)
@pytest.mark.parametrize("action", ["write", "append", "read", "delete"])
async def test_paths_that_lead_out_or_cannot_be_seen_are_refused(path: str, action: str) -> None:
    acting = Acting(shipped("environment/workspace", files={"a": "b"}))
    before = acting.record
    text = {"text": "x"} if action in ("write", "append") else {}
    with pytest.raises(ValueError, match="is not a path inside the workspace"):
        await acting(action, path=path, **text)
    assert acting.record is before


async def test_one_name_in_two_unicode_spellings_is_one_file() -> None:
    acting = Acting(shipped("environment/workspace"))
    await acting("write", path="caf\u00e9", text="one")
    await acting("write", path="cafe\u0301", text="two")
    assert acting.state == {"caf\u00e9": "two"}


async def test_there_is_nothing_below_a_file() -> None:
    acting = Acting(shipped("environment/workspace"))
    await acting("write", path="a", text="")
    with pytest.raises(ValueError, match="a is a file"):
        await acting("write", path="a/b", text="")
    await acting("write", path="d/b", text="")
    with pytest.raises(ValueError, match="d is a file"):
        await acting("write", path="d", text="")


async def test_a_long_file_is_read_in_pieces() -> None:
    acting = Acting(shipped("environment/workspace", files={"long": "0123456789"}))
    piece = await acting("read", path="long", limit=4)
    assert piece == "0123\n[6 more characters: go on with offset=4]"
    assert await acting("read", path="long", offset=4, limit=6) == "456789"
    for numbers in ({"offset": -1}, {"offset": 11}, {"limit": 0}, {"limit": 20_001}):
        with pytest.raises(ValueError, match="offset must be from 0 to 10"):
            await acting("read", path="long", **numbers)


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"files": {"../x": ""}}, "not a path inside"),
        ({"files": {"a": "", "./a": ""}}, "the same path"),
        ({"files": {"a": "xx"}, "max_bytes": 1}, "1 bytes at most"),
        ({"max_files": 0}, "must be positive"),
    ],
)
def test_files_that_are_no_workspace_are_refused(params: dict[str, Any], told: str) -> None:
    with pytest.raises(ResourceError) as raised:
        KINDS[shipped("environment/workspace").type].build(
            shipped("environment/workspace", **params)
        )
    assert told in str(raised.value)


async def test_text_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        await Acting(shipped("environment/workspace"))("write", path="a", text="\udfff")
