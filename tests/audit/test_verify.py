"""Judging: every change to a log is found, whoever made it and whatever it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from agp.audit import keys, log
from agp.audit.checkpoint import Checkpoint
from agp.audit.checks import check_files
from agp.audit.entries import Row
from agp.audit.files import export_lines, save_new
from agp.audit.verify import verify
from agp.canonical import canonical_json
from agp.store.database import Database
from tests.audit.support import commit, judge, kinds, note, rows_of, sign


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], Checkpoint]:
    """The rows of a log and a checkpoint of its end."""
    folder = tmp_path_factory.mktemp("sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGP_KEYS", str(folder / "keys"))
        database = Database(folder / "store.db")
        for number in range(1, 7):
            commit(database, number)
        keys.make_pair(folder / "auditor.key")
        made = sign(database, folder / "auditor.key")
        rows = rows_of(database)
        database.close()
    return rows, made


def restamped(row: Row, prev: str, key: keys.Key, **changes: object) -> Row:
    """The row with another content, hashed, linked and signed anew: all that a forger can do."""
    content = {**json.loads(row.body), "prev": prev, "writer": key.public, **changes}
    body = canonical_json(content)
    hashed = hashlib.sha256(body)
    signature = key.private.sign(hashed.digest()).hex()
    return Row(content["seq"], body, hashed.hexdigest(), signature)


def fresh_key() -> keys.Key:
    private = Ed25519PrivateKey.generate()
    return keys.Key(private, private.public_key().public_bytes_raw().hex())


def found(rows: list[Row], expect: Checkpoint) -> set[str]:
    return kinds(verify(rows, vouched=frozenset(), expect=expect))


def test_the_sample_is_fine(sample: tuple[list[Row], Checkpoint]) -> None:
    assert found(*sample) == set()


@given(data=st.data())
@settings(max_examples=150)
def test_any_single_byte_changed_in_a_file_is_found(
    data: st.DataObject,
    sample: tuple[list[Row], Checkpoint],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rows, expect = sample
    content = bytearray(b"".join(export_lines(rows)))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[at]))
    path = tmp_path_factory.mktemp("changed") / "log.jsonl"
    path.write_bytes(content)
    assert check_files([path], vouched=frozenset(), expect=expect).findings


@given(st.permutations(range(7)), st.lists(st.integers(0, 6), max_size=9))
def test_any_other_order_or_selection_of_entries_is_found(
    sample: tuple[list[Row], Checkpoint], order: list[int], selection: list[int]
) -> None:
    rows, expect = sample
    for chosen in (order, selection):
        changed = [rows[place] for place in chosen]
        assert bool(found(changed, expect)) == (changed != rows)


@given(st.integers(1, 6), st.text(max_size=5))
def test_a_tail_restamped_with_another_key_is_found(
    sample: tuple[list[Row], Checkpoint], start: int, actor: str
) -> None:
    rows, expect = sample
    key, forged = fresh_key(), list(rows)
    for place in range(start, 7):
        forged[place] = restamped(rows[place], forged[place - 1].hash, key, actor=actor)
    assert found(forged, expect) == {"checkpoint", "writer"}


def test_upper_case_hex_and_white_space_are_changes(
    sample: tuple[list[Row], Checkpoint], tmp_path: Path
) -> None:
    rows, expect = sample
    changes: list[Callable[[Row], Row]] = [
        lambda row: row._replace(hash=row.hash.upper()),
        lambda row: row._replace(signature=row.signature.upper()),
        lambda row: row._replace(signature=row.signature + " "),
        lambda row: row._replace(body=row.body + b" "),
        lambda row: row._replace(body=row.body.replace(b":", b": ", 1)),
    ]
    for change in changes:
        assert found([*rows[:3], change(rows[3]), *rows[4:]], expect)
    lines = b"".join(export_lines(rows))
    for number, spaced in enumerate((lines + b"\n", lines[:-1], lines.replace(b"\n", b"\r\n"))):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(spaced)
        assert kinds(check_files([path], vouched=frozenset(), expect=expect)) >= {"form"}


def test_a_body_that_is_not_canonical_is_found_even_if_its_writer_signed_it(
    sample: tuple[list[Row], Checkpoint],
) -> None:
    rows, _ = sample
    key = fresh_key()
    body = json.dumps({**json.loads(rows[6].body), "writer": key.public}).encode()
    hashed = hashlib.sha256(body)
    signature = key.private.sign(hashed.digest()).hex()
    last = Row(6, body, hashed.hexdigest(), signature)
    assert kinds(verify([*rows[:6], last], vouched={key.public, *_writers(rows)})) == {"form"}


def test_an_entry_of_a_process_that_holds_no_vouched_key_is_found(logged: Database) -> None:
    rows, key = rows_of(logged), fresh_key()
    forged = restamped(rows[-1], rows[-1].hash, key, seq=9, kind="approval")
    stolen_name = restamped(rows[-1], rows[-1].hash, key, seq=9, writer=keys.own_public())
    for row, what in ((forged, "writer"), (stolen_name, "signature")):
        assert kinds(verify([*rows, row], vouched=keys.vouched_for())) == {what}


def test_a_colleagues_entries_are_fine_once_vouched_for(
    logged: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = keys.own_public()
    monkeypatch.setenv("AGP_KEYS", str(tmp_path / "colleague"))
    note(logged)
    assert own is not None
    assert kinds(judge(logged)) == {"writer"}
    assert keys.trust(own, "Ada's laptop")
    assert not keys.trust(own)
    assert judge(logged).findings == []


def test_a_checkpoint_vouches_for_the_writers_it_names(
    logged: Database, auditor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sign(logged, auditor)
    monkeypatch.setenv("AGP_KEYS", str(tmp_path / "elsewhere"))
    assert kinds(judge(logged)) == {"writer"}
    assert judge(logged, expect=made).findings == []


def test_a_cut_tail_is_found_by_the_commits_and_without_them_by_a_checkpoint(
    logged: Database, auditor: Path
) -> None:
    note(logged)
    made = sign(logged, auditor)
    _sql(logged, "DELETE FROM audit WHERE seq = 9")  # which is about no commit
    assert judge(logged).findings == []
    assert kinds(judge(logged, expect=made)) == {"checkpoint"}
    _sql(logged, "DELETE FROM audit WHERE seq >= 7")
    assert kinds(judge(logged)) == {"commit"}


def test_an_entry_about_a_commit_that_is_not_there_is_found(logged: Database) -> None:
    with logged.write() as session:
        log.append(session, "commit", "ada", {"commit": "f" * 64})
    verdict = judge(logged)
    assert [(each.seq, each.what) for each in verdict.findings] == [(9, "commit")]


def test_a_commit_with_two_entries_or_none_is_found(logged: Database) -> None:
    with logged.write() as session:
        log.append(session, "commit", "ada", {"commit": f"{6:064x}"})
    assert kinds(judge(logged)) == {"commit"}
    _sql(logged, "DELETE FROM audit WHERE seq = 9")
    _sql(logged, "UPDATE commits SET seq = seq + 100 WHERE seq = 2")
    assert kinds(judge(logged)) == {"commit"}
    _sql(logged, "DELETE FROM commits WHERE seq = 102")
    assert kinds(judge(logged)) == {"commit"}


def test_commits_from_before_the_log_are_fixed_by_its_first_entry(database: Database) -> None:
    for number in (1, 2, 3):
        commit(database, number)
    ids = "\n".join(f"{number:064x}" for number in (1, 2, 3))
    payload = {"commits": 3, "digest": hashlib.sha256(ids.encode()).hexdigest()}
    body = canonical_json({"seq": 0, "kind": "begin", "payload": payload})
    hashed = hashlib.sha256(body).hexdigest()
    _sql(database, "DELETE FROM audit WHERE seq > 0")
    _sql(database, "UPDATE audit SET body = :body, hash = :hash", body=body.decode(), hash=hashed)
    assert judge(database).findings == []
    commit(database, 4)
    assert judge(database).findings == []
    _sql(database, "UPDATE commits SET id = :id WHERE seq = 2", id="e" * 64)
    assert kinds(judge(database)) == {"commit"}


def test_bytes_that_are_no_text_are_a_finding_and_no_failure(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    note(database)
    note(database)
    _sql(database, "UPDATE audit SET body = CAST(x'ff00' AS TEXT), hash = x'fe' WHERE seq = 1")
    assert kinds(judge(database)) >= {"hash", "form"}
    database.close()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"[" * 100_000, b"1" * 5000, b'{"seq":1}', b"\xef\xbb\xbf{}", b"1e999"],
)
def test_garbage_is_a_finding_and_no_failure(
    sample: tuple[list[Row], Checkpoint], body: bytes
) -> None:
    rows, expect = sample
    row = Row(3, body, hashlib.sha256(body).hexdigest(), "")
    assert "form" in found([*rows[:3], row, *rows[4:]], expect)
    assert "form" in found([row], expect)


def test_an_export_is_the_log_byte_for_byte(logged: Database, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    save_new(path, export_lines(rows_of(logged)))
    here = judge(logged)
    there = check_files([path], vouched=keys.vouched_for())
    assert there == here


def _writers(rows: list[Row]) -> set[str]:
    return {json.loads(row.body)["writer"] for row in rows[1:]}


def _sql(database: Database, statement: str, **values: str) -> None:
    with database.write() as session:
        session.execute(text(statement), values)
