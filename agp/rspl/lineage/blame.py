"""Blame: for each line of a resource, the commit that brought it, and on what evidence.

A line is handed on to the parent that has it: the first parent before the merged one, so what a
branch brought in is blamed on its commit there and not on the merge. A line that was taken out
and came back, by a restore or a rollback, is blamed on the commit that brought it back, as git
does: for that commit it was new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from agp.errors import NotFoundError
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import MAIN, History
from agp.rspl.kinds import KINDS
from agp.rspl.lineage.diff import leaves, lines_of
from agp.rspl.lineage.graph import Moved, Node, Provenance, ancestry, moves, provenance


@dataclass(frozen=True)
class BlamedLine:
    """One line of a part; ``number`` counts from 1."""

    path: str
    number: int
    text: str
    origin: Provenance


def blame(
    history: History, rid: ResourceId, *, at: str = MAIN, path: str | None = None
) -> list[BlamedLine]:
    """Who brought each line of a resource, as it was at a commit.

    Parameters: ``at`` a branch, a tag or a commit; ``path`` the part, which may be given by the
    end of its path (``system``); by default all parts that are text or code. Anything that is
    not text is read as indented JSON. Raises NotFoundError for what is not there.
    """
    head = history.find_commit(at).id
    past = _Past(history, rid, head)
    start = past.moved_at(head)
    digest = past.moves[start].after if start else None
    if start is None or digest is None:
        raise NotFoundError("resource", str(rid), hint=f"It is not live at {at}.")
    record = history.load(digest)
    paths = _texts(record) if path is None else [_part(record, path)]
    lines = [(each, lines_of(leaves(record)[each])) for each in paths]
    blamed = {each: past.origins(each, start) for each in paths}
    said = provenance(history, (commit for commits in blamed.values() for commit in commits))
    return [
        BlamedLine(each, number, line, said[commit])
        for each, texts in lines
        for number, (line, commit) in enumerate(zip(texts, blamed[each], strict=True), 1)
    ]


def _texts(record: Record) -> list[str]:
    known = leaves(record)
    parts = KINDS[record.type].parts(record)
    return [part.path for part in parts if part.form in ("text", "code") and part.path in known]


def _part(record: Record, path: str) -> str:
    known = leaves(record)
    if path in known:
        return path
    matches = [each for each in known if each.endswith(f"/{path}")]
    if len(matches) == 1:
        return matches[0]
    raise NotFoundError(f"part of {record.id}", path, matches or known)


class _Past:
    """What happened to one resource before a commit, read once."""

    def __init__(self, history: History, rid: ResourceId, head: str) -> None:
        self.history = history
        self.moves: dict[str, Moved] = moves(history, rid)
        self.nodes: dict[str, Node] = ancestry(history, head)

    def moved_at(self, commit: str | None) -> str | None:
        """The commit that gave the resource the version it has at ``commit``."""
        while commit is not None and commit not in self.moves:
            commit = self.nodes[commit].parent
        return commit

    def lines(self, commit: str | None, path: str) -> list[str]:
        """The lines that a part has after a commit that moved the resource."""
        after = self.moves[commit].after if commit else None
        part = leaves(self.history.load(after)).get(path, "") if after else ""
        return lines_of(part)

    def origins(self, path: str, start: str) -> list[str]:
        """The commit that brought each line which the part has after ``start``.

        Newer commits are asked first, so that each is asked once, for all lines that reach it.
        """
        size = len(self.lines(start, path))
        asked: dict[str, dict[int, list[int]]] = {start: {n: [n] for n in range(size)}}
        origin: dict[int, str] = {}
        while asked:
            commit = max(asked, key=lambda each: self.nodes[each].seq)
            wanted = asked.pop(commit)
            node, lines = self.nodes[commit], self.lines(commit, path)
            for parent in map(self.moved_at, (node.parent, node.merged)):
                kept = _kept(lines, self.lines(parent, path)) if parent and wanted else {}
                for line in wanted.keys() & kept.keys():
                    there = asked.setdefault(parent or "", {}).setdefault(kept[line], [])
                    there += wanted.pop(line)
            origin.update((last, commit) for lasts in wanted.values() for last in lasts)
        return [origin[n] for n in range(size)]


def _kept(lines: Sequence[str], older: Sequence[str]) -> dict[int, int]:
    """Which line of ``older`` each line is, where it was there already."""
    blocks = SequenceMatcher(None, older, lines, autojunk=False).get_matching_blocks()
    return {block.b + n: block.a + n for block in blocks for n in range(block.size)}
