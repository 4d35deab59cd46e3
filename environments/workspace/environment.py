"""Text files by relative path, held in memory for the length of one task."""

from __future__ import annotations

import unicodedata

from agp.rspl.kinds.actions import Changed

LONGEST_PATH = 200
LONGEST_READ = 20_000


class Environment:
    """A workspace. Nothing of it is on the disk: a path cannot lead anywhere else.

    Parameters: ``files`` path → text; ``max_files`` and ``max_bytes`` (UTF-8) bound them all
    together. Raises ValueError for a path or files beyond the bounds.
    """

    content = "files"

    def __init__(
        self,
        files: dict[str, str] | None = None,
        max_files: int = 100,
        max_bytes: int = 1_000_000,
    ) -> None:
        if max_files < 1 or max_bytes < 1:
            raise ValueError("max_files and max_bytes must be positive")
        self.max_files = max_files
        self.max_bytes = max_bytes
        self.files = {normal(path): text for path, text in (files or {}).items()}
        if len(self.files) < len(files or {}):
            raise ValueError("two of the files have the same path")
        self._check(self.files)

    def list(self) -> dict[str, int]:
        """List the files: each path, and its length in characters."""
        return {path: len(self.files[path]) for path in sorted(self.files)}

    def read(self, path: str, offset: int = 0, limit: int = 4000) -> str:
        """Read a file. A long one is read in pieces: the reply says where to go on.

        Args:
            path: The file's path.
            offset: The character to start at, from 0.
            limit: How many characters to read at most, up to 20000.
        """
        text = self.files[self._existing(path)]
        if not 0 <= offset <= len(text) or not 1 <= limit <= LONGEST_READ:
            raise ValueError(
                f"offset must be from 0 to {len(text)}, the file's length, and limit from 1 to "
                f"{LONGEST_READ}"
            )
        piece, left = text[offset : offset + limit], len(text) - offset - limit
        if left > 0:
            return f"{piece}\n[{left} more characters: go on with offset={offset + limit}]"
        return piece

    def write(self, path: str, text: str) -> Changed:
        """Write a file: a new one, or in place of what it holds.

        Args:
            path: Its path, for example "notes/plan.md".
            text: All that it is to hold.
        """
        return self._with(normal(path), text)

    def append(self, path: str, text: str) -> Changed:
        """Add text at the end of a file; the file is made if there is none.

        Args:
            path: Its path.
            text: What to add, with its line breaks.
        """
        inside = normal(path)
        return self._with(inside, self.files.get(inside, "") + text)

    def replace(self, path: str, old: str, new: str) -> Changed:
        """Replace a passage that occurs exactly once in a file.

        Args:
            path: The file's path.
            old: The passage, exactly as it is in the file.
            new: What stands there afterwards.
        """
        inside = self._existing(path)
        times = self.files[inside].count(old) if old else 0
        if times != 1:
            raise ValueError(f"the passage must occur once in {inside}; it occurs {times} times")
        return self._with(inside, self.files[inside].replace(old, new))

    def delete(self, path: str) -> Changed:
        """Delete a file.

        Args:
            path: Its path.
        """
        inside = self._existing(path)
        return self._changed({p: t for p, t in self.files.items() if p != inside}, "Deleted.")

    def _existing(self, path: str) -> str:
        inside = normal(path)
        if inside not in self.files:
            known = ", ".join(sorted(self.files)[:20]) or "none"
            raise ValueError(f"there is no file {path!r}; there are: {known}")
        return inside

    def _with(self, path: str, text: str) -> Changed:
        files = {**self.files, path: text}
        self._check(files)
        return self._changed(files, f"Wrote {path}, {len(text)} characters.")

    def _changed(self, files: dict[str, str], result: str) -> Changed:
        bounds = {"max_files": self.max_files, "max_bytes": self.max_bytes}
        return Changed(result, {"files": files, **bounds})

    def _check(self, files: dict[str, str]) -> None:
        if len(files) > self.max_files:
            raise ValueError(f"the workspace holds {self.max_files} files at most")
        if sum(map(_size, files.values())) > self.max_bytes:
            raise ValueError(f"the workspace holds {self.max_bytes} bytes at most, over all files")
        for path in files:
            for i, letter in enumerate(path):
                if letter == "/" and path[:i] in files:
                    raise ValueError(f"{path[:i]} is a file: there cannot be {path} below it")


def normal(path: str) -> str:
    """The one spelling of a path: NFC, without empty and "." segments.

    Raises ValueError for a path that is empty, absolute, too long, or has "..", a backslash, a
    drive letter or a character that cannot be shown.
    """
    text = unicodedata.normalize("NFC", path.strip())
    parts = [part for part in text.split("/") if part not in ("", ".")]
    hidden = any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in text)
    if (
        not parts
        or text.startswith("/")
        or text.endswith("/")
        or ".." in parts
        or "\\" in text
        or text[1:2] == ":"
        or hidden
        or len(text) > LONGEST_PATH
    ):
        raise ValueError(
            f"{path[:LONGEST_PATH]!r} is not a path inside the workspace: use a relative one with "
            f"/ between folders, at most {LONGEST_PATH} characters"
        )
    return "/".join(parts)


def _size(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("the text has characters that UTF-8 cannot hold") from None
