"""Text files by relative path, held in memory for the length of one task."""

from __future__ import annotations

from pathlib import PurePosixPath


class Environment:
    """A workspace.

    Parameters: ``max_files`` and ``max_bytes`` bound what may be written, over all files.
    """

    def __init__(self, max_files: int = 100, max_bytes: int = 1_000_000) -> None:
        self.max_files = max_files
        self.max_bytes = max_bytes

    def reset(self, files: dict[str, str]) -> dict[str, str]:
        """The state at the start of a task: its files."""
        state: dict[str, str] = {}
        for path, text in files.items():
            state = self.write(state, path, text)
        return state

    def write(self, state: dict[str, str], path: str, text: str) -> dict[str, str]:
        """The state after writing a file. Raises ValueError for a bad path or beyond a bound."""
        written = {**state, self._inside(path): text}
        if len(written) > self.max_files:
            raise ValueError(f"more than {self.max_files} files")
        if sum(len(each.encode()) for each in written.values()) > self.max_bytes:
            raise ValueError(f"more than {self.max_bytes} bytes in all")
        return written

    def read(self, state: dict[str, str], path: str) -> str:
        """The text of a file. Raises ValueError naming the files there are."""
        inside = self._inside(path)
        if inside not in state:
            raise ValueError(f"there is no file {path!r}; there are: {', '.join(sorted(state))}")
        return state[inside]

    @staticmethod
    def _inside(path: str) -> str:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\x00" in path:
            raise ValueError(f"{path!r} is not a path inside the workspace")
        return str(PurePosixPath(path))
