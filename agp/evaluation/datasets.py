"""Finds the rows of a file-based benchmark: one resolver for all of them.

A benchmark describes its data as a ``Source`` (data, not code); this room finds the files, reads
them and names exactly what is wrong with them. What a row means belongs to the benchmark.

Order: the user's path; a file that an installed package carries; the local Hugging Face cache;
the hub, if allowed.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from agp.errors import DataError
from agp.evaluation.types import DataRequest

HUB_TIMEOUT_S = 5
_SPLITS = frozenset({"train", "training", "test", "testing", "validation", "valid", "val", "dev"})
_KINDS = (".jsonl", ".jsonl.gz", ".json", ".parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a benchmark's rows come from and what they are called there.

    ``dataset`` the hub's dataset id; ``files`` patterns of its files; ``fields`` maps each field
    the benchmark needs to the names it may have, best first; ``optional`` the same for fields
    a row may lack; ``split`` picks among files named after splits; ``folders`` names of
    subfolders that hold this set when a folder holds several; ``package`` (installed
    package, file inside) where one carries the data; ``hint`` how else to get it.
    """

    dataset: str
    files: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    split: str = "test"
    folders: tuple[str, ...] = ()
    package: tuple[str, str] | None = None
    hint: str = ""

    def advice(self) -> str:
        """How to get the data, and what is expected of it."""
        names = "; ".join(f"{name} ({' or '.join(also)})" for name, also in self.fields.items())
        download = f"hf download {self.dataset} --repo-type dataset --local-dir DIR"
        return (
            f"Give a file or folder (.jsonl, .json, .parquet) with --data PATH, for instance from "
            f"`{download}`. {self.hint + ' ' if self.hint else ''}Fields expected: {names}."
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its named fields as text, and where it stands (``file:line``)."""

    values: Mapping[str, str]
    where: str

    def __getitem__(self, name: str) -> str:
        return self.values[name]


def load_rows(source: Source, request: DataRequest) -> list[Row]:
    """All rows of ``source`` in file order, at most ``request.limit``.

    Raises DataError when nothing is found (naming the dataset and how to get it), when a file
    or row is malformed (naming file, line and field), and when there are no rows.
    """
    files = _locate(source, request)
    rows: list[Row] = []
    for path in files:
        for where, record in _records(path):
            rows.append(_row(source, where, record))
            if request.limit is not None and len(rows) >= request.limit:
                return rows
    if not rows:
        names = ", ".join(str(path) for path in files)
        raise DataError(f"There are no rows for {source.dataset} in {names}.", hint=source.advice())
    return rows


def row_ids(rows: list[Row], prefix: str) -> list[str]:
    """``prefix/ID`` of each row; by position where rows have no ids or share some."""
    ids = [row.values.get("id", "") for row in rows]
    if not all(ids) or len(set(ids)) < len(ids):
        ids = [str(number) for number in range(len(rows))]
    return [identifier if "/" in identifier else f"{prefix}/{identifier}" for identifier in ids]


def _row(source: Source, where: str, record: object) -> Row:
    if not isinstance(record, dict):
        raise DataError(f"{where}: expected an object, found {type(record).__name__}.")
    record = cast("dict[str, Any]", record)
    values: dict[str, str] = {}
    for name, aliases in {**source.fields, **source.optional}.items():
        found = next((record[alias] for alias in aliases if record.get(alias) is not None), None)
        if isinstance(found, str | int | float) and str(found).strip():
            values[name] = str(found)
        elif name in source.fields:
            raise DataError(
                f"{where}: the field {name!r} is missing or empty "
                f"(looked for {', '.join(aliases)}; present: {', '.join(record) or 'none'}).",
                hint=source.advice(),
            )
    return Row(values, where)


# --- finding files


def _locate(source: Source, request: DataRequest) -> list[Path]:
    if request.path is not None:
        return _under(source, request.path.expanduser())
    if source.package and (packaged := _packaged(*source.package)):
        return [packaged]
    return _from_hub(source, allow_download=request.allow_hub)


def _packaged(package: str, file: str) -> Path | None:
    """A package's data file, without importing the package."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder, file)).is_file():
            return path
    return None


def _under(source: Source, path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path} does not exist ({source.dataset}).", hint=source.advice())
    path = next((path / name for name in source.folders if (path / name).is_dir()), path)
    everything = sorted(child for child in path.rglob("*") if child.is_file())
    chosen = [child for child in everything if child.name == "metadata.jsonl"]
    for kind in _KINDS:
        chosen = chosen or [child for child in everything if child.name.endswith(kind)]
    chosen = [child for child in chosen if _in_split(child.relative_to(path), source.split)]
    if not chosen:
        raise DataError(
            f"{path} holds no {', '.join(_KINDS)} file of the {source.split} split "
            f"({source.dataset}).",
            hint=source.advice(),
        )
    return chosen


def _in_split(path: Path, split: str) -> bool:
    words = set(re.split(r"[^a-z]+", str(path).lower()))
    named = words & _SPLITS
    return not named or split in named


def _from_hub(source: Source, *, allow_download: bool) -> list[Path]:
    """The cached snapshot if there is one, else a download with short time-outs."""
    try:
        return _under(source, _snapshot(source, local_only=True))
    except (OSError, ValueError, DataError):
        pass
    if not allow_download:
        reason = "it is not in the local Hugging Face cache, and the hub is not allowed"
    else:
        try:
            return _under(source, _snapshot(source, local_only=False))
        except DataError:
            raise
        except Exception as error:  # the client raises its HTTP library's own types, too
            reason = f"the hub did not give it: {type(error).__name__}: {_first_line(error)}"
    raise DataError(f"The dataset {source.dataset} was not found: {reason}.", hint=source.advice())


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")[:200]


def _snapshot(source: Source, *, local_only: bool) -> Path:
    import huggingface_hub  # slow to import

    return Path(
        cast("Any", huggingface_hub).snapshot_download(
            source.dataset,
            repo_type="dataset",
            allow_patterns=list(source.files),
            etag_timeout=HUB_TIMEOUT_S,
            local_files_only=local_only,
        )
    )


# --- reading files


def _records(path: Path) -> Iterator[tuple[str, object]]:
    """Each record with its ``file:line`` (of a table: ``file:row``, from 1)."""
    try:
        if path.name.endswith((".jsonl", ".jsonl.gz")):
            yield from _json_lines(path)
        elif path.suffix == ".json":
            yield from _json_list(path)
        elif path.suffix == ".parquet":
            yield from _parquet(path)
        else:
            raise DataError(f"{path}: unknown kind of file; expected {', '.join(_KINDS)}.")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _json_lines(path: Path) -> Iterator[tuple[str, object]]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as binary:
        stream = io.TextIOWrapper(cast("io.BufferedReader", binary), encoding="utf-8-sig")
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield f"{path}:{number}", _parse(line, f"{path}:{number}")


def _json_list(path: Path) -> Iterator[tuple[str, object]]:
    content = _parse(path.read_text(encoding="utf-8-sig"), str(path))
    if isinstance(content, dict):  # {"data": [...]} and the like
        values = list(cast("dict[str, object]", content).values())
        lists = [cast("object", value) for value in values if isinstance(value, list)]
        content = lists[0] if len(lists) == 1 else None
    if not isinstance(content, list):
        raise DataError(f"{path}: expected a list of objects.")
    for number, record in enumerate(cast("list[object]", content), 1):
        yield f"{path}:record {number}", record


def _parse(text: str, where: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: this is not JSON: {error}.") from error


def _parquet(path: Path) -> Iterator[tuple[str, object]]:
    try:
        import pyarrow.parquet as parquet  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise DataError(
            f"{path} is a Parquet file, and pyarrow is not installed.",
            hint="Install it with `pip install pyarrow`, or give the data as .jsonl.",
        ) from error
    table = cast("Any", parquet).read_table(path)
    for number, record in enumerate(table.to_pylist(), 1):
        yield f"{path}:row {number}", record
