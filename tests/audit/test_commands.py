"""``agp audit`` as a person types it: the right exit code, and words that say what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text

from agp.audit import keys
from agp.cli import audit
from agp.cli.failures import guarded
from agp.store.database import Database
from tests.audit.support import commit


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: object
    out: str
    err: str


Audit = Callable[..., Ended]


@pytest.fixture
def run(
    logged: Database,
    auditor: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Audit:
    """``agp audit ARGUMENTS`` on the store `logged`, in a folder with ``auditor.key``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGP_STORE", str(tmp_path / "logged.db"))
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["agp", *arguments])
        with pytest.raises(SystemExit) as ended:
            guarded(lambda: audit.app(prog_name="agp audit"))
        shown = capsys.readouterr()
        return Ended(ended.value.code, shown.out, shown.err)

    return run


def test_the_whole_round(run: Audit, logged: Database, tmp_path: Path) -> None:
    """Verify, sign, change on, prove, export, archive, prove again."""
    assert "9 entries (0 to 8): whole" in run("verify").out
    signed = run("checkpoint", "--key", "auditor.key", "-o", "monday.json")
    assert signed.code == 0, signed.err
    commit(logged, 7)
    proven = run("verify", "--expect", "monday.json", "--public-key", "auditor.key.pub")
    assert (proven.code, "extends the checkpoint of entry 8" in proven.out) == (0, True)
    again = ("checkpoint", "--key", "auditor.key", "-o", "tuesday.json", "--expect", "monday.json")
    assert run(*again).code == 0
    assert run("export", "log.jsonl").code == 0
    assert run("verify", "--file", "log.jsonl", "--expect", "tuesday.json").code == 0
    assert run("archive", "--expect", "monday.json", "-o", "old.jsonl", "--actor", "eve").code == 0
    assert [e["seq"] for e in json.loads(run("show", "-f", "json").out)] == [10, 9]
    assert run("show", "--actor", "eve", "-f", "json").out.count('"kind": "archive"') == 1
    assert run("verify", "--expect", "tuesday.json").code == 0
    whole = run("verify", "--archive", "old.jsonl", "--expect", "tuesday.json", "-f", "json")
    assert json.loads(whole.out)["entries"] == 11
    assert json.loads(whole.out)["ok"] is True


def test_findings_end_with_one_and_name_the_entry(run: Audit, logged: Database) -> None:
    assert run("checkpoint", "--key", "auditor.key", "-o", "monday.json").code == 0
    with logged.write() as session:
        forged = "UPDATE audit SET body = replace(body, '\"ada\"', '\"eve\"') WHERE seq = 3"
        session.execute(text(forged))
    for arguments in (("verify",), ("verify", "--expect", "monday.json")):
        ended = run(*arguments)
        assert ended.code == 1
        assert "hash: Entry 3" in ended.out
    data = json.loads(run("verify", "-f", "json").out)
    assert data["ok"] is False
    assert {"seq": 3, "what": "hash"}.items() <= data["findings"][0].items()
    signing = run("checkpoint", "--key", "auditor.key", "-o", "tuesday.json")
    assert (signing.code, "not signed" in signing.err) == (2, True)
    changed = json.loads(run("show", "--actor", "eve", "-f", "json").out)
    assert [entry["seq"] for entry in changed] == [3]


def test_show_filters_by_kind_author_and_what_is_mentioned(run: Audit) -> None:
    def seqs(*arguments: str) -> list[int]:
        return [entry["seq"] for entry in json.loads(run("show", *arguments, "-f", "json").out)]

    assert seqs("--limit", "3") == [8, 7, 6]
    assert seqs("--kind", "approval") == [8, 4]
    assert seqs("--actor", "ada", "--limit", "2") == [7, 6]
    assert seqs("Change 3") == [3]
    assert "No entry did that." in run("show", "--kind", "gc").out
    assert "begin" in run("show").out


def test_trust_lists_and_adds_writer_keys(run: Audit) -> None:
    colleague = "ab" * 32
    assert "now" in run("trust", colleague, "--note", "Ada's laptop").out
    assert "already" in run("trust", colleague).out
    listed = json.loads(run("trust", "-f", "json").out)
    assert listed[0]["public"] == keys.own_public()
    assert listed[1] == {"public": colleague, "note": "Ada's laptop"}


def test_keygen_makes_a_private_key_that_only_its_user_can_read(run: Audit, tmp_path: Path) -> None:
    made = run("keygen", "new.key")
    assert made.code == 0
    assert (tmp_path / "new.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new.key.pub").read_text().strip() in made.out
    before = (tmp_path / "new.key").read_bytes()
    assert run("keygen", "new.key").code == 2
    assert (tmp_path / "new.key").read_bytes() == before


WRONG = {
    "verify --expect nowhere.json": "no checkpoint nowhere.json",
    "verify --expect garbage": "not a checkpoint",
    "verify --expect list.json": "not a genuine checkpoint",
    "verify --expect changed.json": "signature does not hold",
    "verify --expect monday.json --public-key other.pub": "not by",
    "verify --expect monday.json --public-key garbage": "no public key",
    "verify --expect monday.json --public-key nowhere": "nowhere",
    "verify --public-key other.pub": "--expect",
    "verify --file nowhere.jsonl": "no file nowhere.jsonl",
    "verify --archive .": "cannot be read",
    "verify --store nowhere.db": "no store",
    "verify --project nowhere": "agp init",
    "checkpoint -o x.json": "--key",
    "checkpoint --key nowhere.key -o x.json": "no key file nowhere.key",
    "checkpoint --key garbage -o x.json": "agp audit keygen",
    "checkpoint --key elliptic.pem -o x.json": "another kind than Ed25519",
    "checkpoint --key locked.pem -o x.json": "passphrase",
    "checkpoint --key auditor.key -o monday.json": "exists already",
    "checkpoint --key auditor.key -o nowhere/x.json": "cannot be written",
    "checkpoint --key keys/writer.key -o x.json": "writes the log",
    "checkpoint --key auditor.key -o x.json --expect foreign.json": "not by",
    "export garbage": "exists already",
    "archive --expect monday.json": "--out",
    "archive --expect garbage -o x.jsonl": "not a checkpoint",
    "archive --expect monday.json -o garbage": "exists already",
    "archive --expect monday.json -o x.jsonl --public-key other.pub": "not by",
    "trust nonsense": "nonsense",
    "trust garbage": "no public key",
    "keygen nowhere/new.key": "cannot be written",
    "show --limit 0": "--limit",
}


def test_wrong_input_says_what_to_do(run: Audit, auditor: Path, tmp_path: Path) -> None:
    _wrong_files(run, auditor, tmp_path)
    for line, words in WRONG.items():
        ended = run(*line.split())
        assert ended.code == 2, (line, ended)
        assert words in ended.err, (line, ended.err)
        assert "Traceback" not in ended.err
        assert "bug" not in ended.err
    assert not list(tmp_path.glob("x.json*"))


def test_a_trusted_file_with_a_bad_line_is_named(run: Audit, keys: Path) -> None:
    (keys / "trusted").write_text("ab\n")
    ended = run("verify")
    assert (ended.code, "trusted, line 1" in ended.err) == (2, True)


def _wrong_files(run: Audit, auditor: Path, folder: Path) -> None:
    run("checkpoint", "--key", "auditor.key", "-o", "monday.json")
    keys.make_pair(folder / "other")
    run("checkpoint", "--key", "other", "-o", "foreign.json")
    changed = json.loads((folder / "monday.json").read_text()) | {"at": "2020-01-01"}
    (folder / "changed.json").write_text(json.dumps(changed))
    (folder / "list.json").write_text("[]")
    (folder / "garbage").write_bytes(b"\xff\x00 garbage\n" + "é".encode())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    elliptic = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    (folder / "elliptic.pem").write_bytes(elliptic.private_bytes(pem, pkcs8, plain))
    locked = serialization.BestAvailableEncryption(b"secret")
    private = keys.load_private(auditor).private
    (folder / "locked.pem").write_bytes(private.private_bytes(pem, pkcs8, locked))
