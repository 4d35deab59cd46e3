"""The resolver finds data in every layout of the wild and names what is wrong with it."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agp.errors import DataError
from agp.evaluation.datasets import Source, load_rows, row_ids
from agp.evaluation.types import DataRequest

SOURCE = Source(
    dataset="someone/some-set",
    files=("*.jsonl",),
    folders=("SomeSet",),
    fields={"question": ("question", "Problem"), "answer": ("answer", "Answer")},
    optional={"id": ("task_id", "ID")},
)
ROWS: list[dict[str, Any]] = [
    {"task_id": 1, "question": "one?", "answer": "1"},
    {"ID": "b", "Problem": "two?", "Answer": 2, "Solution": "…"},
]


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def read(path: Path, limit: int | None = None) -> list[dict[str, str]]:
    request = DataRequest(path=path, limit=limit, allow_hub=False)
    return [dict(row.values) for row in load_rows(SOURCE, request)]


EXPECTED = [
    {"id": "1", "question": "one?", "answer": "1"},
    {"id": "b", "question": "two?", "answer": "2"},
]


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rows.jsonl", lambda p: p.write_text(lines(ROWS))),
        ("bom.jsonl", lambda p: p.write_text("\ufeff" + lines(ROWS), encoding="utf-8")),
        ("blank.jsonl", lambda p: p.write_text("\n" + lines(ROWS).replace("\n", "\r\n\r\n"))),
        ("rows.jsonl.gz", lambda p: p.write_bytes(gzip.compress(lines(ROWS).encode()))),
        ("rows.json", lambda p: p.write_text(json.dumps(ROWS))),
        ("data.json", lambda p: p.write_text(json.dumps({"version": 1, "data": ROWS}))),
        ("test/deep/metadata.jsonl", lambda p: p.write_text(lines(ROWS))),
    ],
)
def test_kinds_of_files(tmp_path: Path, name: str, write: Callable[[Path], Any]) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path)
    assert read(path) == EXPECTED
    assert read(tmp_path) == EXPECTED
    assert read(path, limit=1) == EXPECTED[:1]


def test_folder_choices(tmp_path: Path) -> None:
    for name, answer in {
        "SomeSet/test/a/metadata.jsonl": "1",
        "SomeSet/test/b/metadata.jsonl": "2",
        "SomeSet/train/metadata.jsonl": "3",
        "SomeSet/test/a/extra.jsonl": "4",
        "Other/test/metadata.jsonl": "5",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines([{"question": "?", "answer": answer}]))
    assert [row["answer"] for row in read(tmp_path)] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["no rows"]),
        (lines(ROWS) + "{oops\n", ["bad.jsonl:3", "not JSON"]),
        (lines(ROWS) + '["a"]\n', ["bad.jsonl:3", "list"]),
        (lines([ROWS[0], {"question": "?", "reply": "x"}]), ["bad.jsonl:2", "'answer'", "reply"]),
        (lines([{"question": "", "answer": "1"}]), ["bad.jsonl:1", "'question'"]),
        (lines([{"question": "?", "answer": None}]), ["bad.jsonl:1", "'answer'"]),
    ],
)
def test_malformed_rows_are_named(tmp_path: Path, text: str, said: list[str]) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read(path)
    for word in said:
        assert word in str(error.value)


def test_broken_files(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl.gz").write_bytes(b"not gzip")
    (tmp_path / "y.jsonl").write_bytes(b'{"question": "\xff"}\n')
    (tmp_path / "z.csv").write_text("a,b")
    for name in ("x.jsonl.gz", "y.jsonl", "z.csv", "missing.jsonl"):
        with pytest.raises(DataError, match=name):
            read(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no"):
        read(tmp_path / "empty")


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match="pip install pyarrow"):
        read(tmp_path)


def test_the_hub_is_a_last_resort(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    asked: list[bool] = []

    def snapshot_download(dataset: str, *, local_files_only: bool, **_: Any) -> str:
        asked.append(local_files_only)
        if local_files_only:
            raise FileNotFoundError("not cached")
        (tmp_path / "rows.jsonl").write_text(lines(ROWS))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(DataError, match="not allowed") as error:
        load_rows(SOURCE, DataRequest(allow_hub=False))
    for word in ("someone/some-set", "--data", "hf download", "question or Problem"):
        assert word in str(error.value)
    assert asked == [True]
    assert len(load_rows(SOURCE, DataRequest())) == 2
    assert asked == [True, True, False]


def test_an_absent_network_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def snapshot_download(*_: Any, **__: Any) -> str:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(DataError, match=r"ConnectionError: Name or service not known"):
        load_rows(SOURCE, DataRequest())


def test_ids(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"

    def ids(*given: object) -> list[str]:
        path.write_text(lines([{"task_id": i, "question": "?", "answer": "1"} for i in given]))
        return row_ids(load_rows(SOURCE, DataRequest(path=path)), "set")

    assert ids(60, 61) == ["set/60", "set/61"]
    assert ids("HumanEval/0", "HumanEval/1") == ["HumanEval/0", "HumanEval/1"]
    assert ids(None, None) == ["set/0", "set/1"]
    assert ids(1, 1) == ["set/0", "set/1"]
