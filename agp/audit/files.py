"""Files of the audit log: exported entries (JSON Lines), and writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from agp.audit.entries import Damaged, Row, read_object
from agp.canonical import canonical_json
from agp.errors import InputError, StoreError

_LONGEST_LINE = 64 * 2**20


def write_new(path: Path, chunks: Iterable[bytes], *, mode: int = 0o666) -> None:
    """Write a file that does not exist yet: durable and whole when this returns, or not there.

    Raises FileExistsError where the name is taken, also by another process a moment ago.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)  # unlike a rename, it never takes the place of another file
        _settle(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def save_new(path: Path, chunks: Iterable[bytes], *, mode: int = 0o666) -> None:
    """As `write_new`, for a path that a person gave. Raises InputError."""
    try:
        write_new(path, chunks, mode=mode)
    except FileExistsError as error:
        raise InputError(
            f"{path} exists already.", hint="Name another file: nothing is overwritten."
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error


def read_bytes(path: Path, what: str) -> bytes:
    """The content of a small file that a person named. Raises InputError."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"There is no {what} {path}.") from error
    except OSError as error:
        raise InputError(f"The {what} {path} cannot be read: {error.strerror}.") from error


def export_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """One canonical line a row. Raises StoreError for a row that is not even text."""
    for row in rows:
        try:
            line = canonical_json({**row._asdict(), "body": row.body.decode("utf-8")})
        except (UnicodeDecodeError, InputError) as error:
            raise StoreError(
                f"Entry {row.seq} of the audit log is damaged: it is not text.",
                hint="See all findings with: agp audit verify",
            ) from error
        yield line + b"\n"


def read_lines(path: Path) -> Iterator[Row | Damaged]:
    """The rows of an exported file, one by one; what is not exactly a row comes as Damaged.

    Raises InputError, at once, for a file that cannot be read.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise InputError(
            f"There is no file {path}.", hint="Make one with: agp audit export FILE"
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return _rows(file, path.name)


def _rows(file: Any, name: str) -> Iterator[Row | Damaged]:
    with file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            yield _row(line, f"{name}, line {number}")


def _row(line: bytes, where: str) -> Row | Damaged:
    if not line.endswith(b"\n"):
        return Damaged(where, "the line is not complete")
    try:
        fields = read_object(line[:-1])
    except InputError as error:
        return Damaged(where, error.message)
    if set(fields) != set(Row._fields):
        return Damaged(where, "it is not an entry")
    seq, body, hashed, signature = (fields[name] for name in Row._fields)
    if type(seq) is not int or not all(isinstance(t, str) for t in (body, hashed, signature)):
        return Damaged(where, "a field of the entry has another type")
    return Row(seq, body.encode(), hashed, signature)


def _settle(folder: Path) -> None:
    """Make a new name in a folder durable, where the system can."""
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
