"""Deleting or rewriting what tells of it: audit log, commits, journal, evaluations."""

from __future__ import annotations

import contextlib
import json

from agp.audit import keys
from agp.audit.checkpoint import sign_checkpoint
from agp.audit.checks import check_store
from agp.audit.keys import vouched_for
from agp.errors import AgpError
from agp.rspl.entities import ResourceId
from agp.rspl.upkeep.fsck import check
from agp.store.database import Database
from tests.attacks.gate.case import GateAttack, Yard, clean, tamper
from tests.attacks.gate.models import GOOD, proposing
from tests.support.echo import Echo

PROMPT = ResourceId.parse("prompt/solver")


def _history(yard: Yard):
    project = yard.project()
    for number in range(3):
        project.registry.set_variables(PROMPT, {"params/system": f"Version {number}."})
    assert clean(project.database)
    return project


def _unseen(statement: str):
    def attempt(yard: Yard) -> str:
        project = _history(yard)
        assert tamper(project.database, statement), "nothing was changed"
        return "the log shows nothing" if clean(project.database) else ""

    return attempt


def _naive(statement: str):
    """A log without a chain: what is gone was never there."""

    def attempt(yard: Yard) -> str:
        import sqlite3

        base = sqlite3.connect(yard.folder / "log.db")
        base.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, body TEXT)")
        base.executemany("INSERT INTO log (body) VALUES (?)", [("a",), ("b",), ("c",)])
        base.execute(statement)
        bodies = [body for (body,) in base.execute("SELECT body FROM log ORDER BY seq")]
        base.close()
        return "the log shows nothing" if bodies != ["a", "b", "c"] else ""

    return attempt


def _tail(yard: Yard) -> str:
    """The newest entries and the commits they tell of are taken off together."""
    project = _history(yard)
    keys.make_pair(yard.folder / "auditor.key")
    with project.database.read() as session:
        verdict = check_store(session, vouched=vouched_for())
    expect = sign_checkpoint(verdict, keys.load_private(yard.folder / "auditor.key"))
    last = "(SELECT max(seq) FROM {})"
    tamper(project.database, f"DELETE FROM audit WHERE seq = {last.format('audit')}")
    tamper(project.database, f"DELETE FROM commits WHERE seq = {last.format('commits')}")
    with project.database.read() as session:
        seen = check_store(session, vouched=vouched_for(), expect=expect)
    return "" if seen.findings else "the checkpoint shows nothing"


def _replace(database: Database, place: str, old: str, new: str) -> None:
    """Replace JSON text in a column, however it is spaced. Raises AssertionError for none."""
    table, _, column = place.partition(".")
    done = 0
    for mark in (": ", ":"):
        given = {"old": old.replace(":", mark), "new": new.replace(":", mark)}
        done += tamper(
            database,
            f"UPDATE {table} SET {column} = replace({column}, :old, :new) "
            f"WHERE instr({column}, :old)",
            **given,
        )
    assert done, "nothing was changed"


def _score_rewritten(yard: Yard) -> str:
    """The incumbent's scores, kept from an earlier run, are set to 0 before a candidate comes."""
    project = yard.project(proposing("Mind the gap."))
    project.bench(Echo(60))
    _replace(project.database, "evaluations.result", '"score":1.0', '"score":0.0')
    project.close()
    report = yard.project(proposing("Mind the gap.")).evolve(Echo(60), rounds=1)
    return "a candidate that is no better went live" if report.commit else ""


def _decision_forged(yard: Yard) -> str:
    """The journal of a refused run is rewritten to say accepted, and the run is resumed."""
    project = yard.project(proposing("Mind the gap."))
    report = project.evolve(Echo(60), rounds=1)
    assert not report.commit
    before = project.registry.view().refs
    _replace(project.database, "events.payload", '"accepted":false', '"accepted":true')
    tamper(project.database, "DELETE FROM events WHERE type = 'report'")
    tamper(project.database, "UPDATE runs SET status = 'stopped'")
    fresh = yard.project(proposing("Mind the gap."))
    with contextlib.suppress(AgpError, json.JSONDecodeError):
        fresh.resume(report.run, benchmark=Echo(60))
    return "a rewritten decision was carried out" if fresh.registry.view().refs != before else ""


def _goes_live(yard: Yard) -> str:
    """The branch is moved to a version that no gate saw."""
    project = yard.project(proposing(GOOD))
    first = project.registry.get_info(PROMPT).digest
    project.registry.set_variables(PROMPT, {"params/system": "Another."})
    moved = tamper(
        project.database,
        "UPDATE refs SET digest = :old WHERE name = 'solver' AND type = 'prompt'",
        old=first,
    )
    assert moved
    return "" if check(project.database) else "nobody notices"


ATTACKS = [
    GateAttack(
        name="entry_deleted",
        tries="deletes an entry of the audit log",
        attempt=_unseen("DELETE FROM audit WHERE seq = 2"),
        naive=_naive("DELETE FROM log WHERE seq = 2"),
    ),
    GateAttack(
        name="entry_rewritten",
        tries="rewrites an entry of the audit log",
        attempt=_unseen("UPDATE audit SET body = replace(body, 'set_variables', 'update')"),
        naive=_naive("UPDATE log SET body = 'x' WHERE seq = 2"),
    ),
    GateAttack(
        name="log_emptied",
        tries="empties the audit log",
        attempt=_unseen("DELETE FROM audit"),
        naive=_naive("DELETE FROM log"),
    ),
    GateAttack(
        name="commit_deleted",
        tries="deletes a commit and leaves the log alone",
        attempt=_unseen("DELETE FROM commits WHERE seq = (SELECT max(seq) FROM commits)"),
    ),
    GateAttack(
        name="commit_invented",
        tries="adds a commit that the log does not know",
        attempt=_unseen(
            "INSERT INTO commits SELECT lower(hex(randomblob(32))), seq + 1000, branch, parent, "
            "merged, author, operator, message, evidence, objective, created_at "
            "FROM commits LIMIT 1"
        ),
    ),
    GateAttack(
        name="tail_cut",
        tries="cuts the newest entries off, with their commits",
        attempt=_tail,
        naive=_naive("DELETE FROM log WHERE seq = 3"),
    ),
    GateAttack(
        name="scores_rewritten",
        tries="sets the incumbent's scores, kept from an earlier run, to 0",
        attempt=_score_rewritten,
    ),
    GateAttack(
        name="decision_forged",
        tries="rewrites the journal of a refused run to say accepted, and has it resumed",
        attempt=_decision_forged,
    ),
    GateAttack(
        name="branch_moved",
        tries="moves the live branch to another version, past the gate",
        attempt=_goes_live,
    ),
]
