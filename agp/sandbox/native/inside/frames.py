"""The pipe to the host, seen from inside: frames of JSON, each with its length before it."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

HEAD = struct.Struct("<I")


class TooLarge(ValueError):
    """A frame is larger than the host would read."""


class Pipe:
    """Frames over a connected descriptor."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def receive(self) -> Any:
        """The next frame. Raises EOFError when the host is gone."""
        (size,) = HEAD.unpack(self._read(HEAD.size))
        return json.loads(self._read(size))

    def send(self, frame: dict[str, Any], most: int) -> None:
        """Send a frame of at most so many bytes.

        Raises ValueError or TypeError for what is no JSON, TooLarge.
        """
        data = json.dumps(frame, allow_nan=False).encode("ascii")
        if len(data) > most:
            raise TooLarge(f"{len(data)} bytes are more than {most}")
        data = HEAD.pack(len(data)) + data
        while data:
            data = data[os.write(self.descriptor, data) :]

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            part = os.read(self.descriptor, min(size, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
