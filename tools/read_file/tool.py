"""Reads the text files that come with a task, and no others."""

from __future__ import annotations

from agp.runtime.types import Task

MAX_CHARS = 20_000


def read_file(path: str, task: Task, offset: int = 0, limit: int = 4000) -> str:
    """Read a text file that belongs to the task.

    Long files are read in pieces: the reply says where to go on.

    Args:
        path: The file's name, as the task gives it.
        offset: The character to start at, from 0.
        limit: How many characters to read at most, up to 20000.

    Returns:
        The text, and a last line that says where to go on if there is more.

    Raises:
        ValueError: There is no such file, or the numbers are out of range.
    """
    name = path.strip().removeprefix("./")
    if name not in task.files:
        names = ", ".join(sorted(task.files)) or "none"
        raise ValueError(f"There is no file {path!r}. Files of this task: {names}.")
    if offset < 0 or not 1 <= limit <= MAX_CHARS:
        raise ValueError(f"offset must be 0 or more, limit from 1 to {MAX_CHARS}.")
    text = task.files[name]
    piece, end = text[offset : offset + limit], offset + limit
    if offset and offset >= len(text):
        raise ValueError(f"{name} has only {len(text)} characters.")
    if end < len(text):
        return f"{piece}\n[{len(text) - end} more characters: go on with offset={end}]"
    return piece
