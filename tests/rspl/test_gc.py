"""Garbage collection: what nothing mentions goes, and nothing else ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from sqlalchemy import delete, func, insert, select, update

from agp.errors import StoreError
from agp.rspl.entities import EntityType, ResourceId
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.rspl.upkeep.fsck import check
from agp.rspl.upkeep.gc import Collected, collect
from agp.store.tables import AuditRow, CallRow, EmbeddingRow, ObjectRow, PinRow, SpanRow

from .growing import STEPS, Step, fresh, grow
from .helpers import prompt

NOW = timedelta(0)


def _objects(history: History) -> set[str]:
    with history.database.read() as session:
        return set(session.scalars(select(ObjectRow.digest)))


@given(steps=STEPS)
@settings(max_examples=12, deadline=None)
def test_only_what_nothing_reaches_goes(steps: list[Step]) -> None:
    with fresh() as history:
        loose = grow(history, steps)
        before = _objects(history)
        views = {branch: history.view(branch).digest for branch in history.branches()}
        would = collect(history.database, dry_run=True, grace=NOW)
        assert _objects(history) == before
        done = collect(history.database, grace=NOW)
        assert done == would
        assert before - _objects(history) == loose
        assert collect(history.database, grace=NOW) == Collected()
        assert check(history.database) == []
        after = History(history.database)  # nothing cached
        with after.database.read() as session:
            kept = set(session.scalars(select(PinRow.digest)))
        for branch, digest in views.items():
            assert after.view(branch).digest == digest
            kept |= {c.after for commit in after.log(branch) for c in commit.changes if c.after}
        assert all(after.load(each).digest == each for each in kept)
        for rid in (ResourceId(type_, "it") for type_ in EntityType):
            for semver, digest in after.versions(rid):
                assert after.resolve(rid, semver) == digest


def test_what_is_young_stays(history: History) -> None:
    history.keep([prompt(system="about to be mentioned")])
    assert collect(history.database) == Collected()
    assert collect(history.database, grace=NOW).objects == 1


def test_what_is_kept_again_is_young_again(history: History) -> None:
    candidate = prompt(system="proposed again")
    history.keep([candidate])
    with history.database.write() as session:
        session.execute(update(ObjectRow).values(created_at="2020-01-01T00:00:00.000000+00:00"))
    assert collect(history.database, dry_run=True).objects == 1
    history.keep([candidate])
    assert collect(history.database) == Collected()


def test_evidence_keeps_what_was_rejected(history: History) -> None:
    registry = Registry(history)
    registry.register(prompt())
    rejected, forgotten = prompt(system="rejected"), prompt(system="forgotten")
    history.keep([rejected, forgotten])
    evidence = {"instead_of": [{"digest": rejected.digest}]}
    changes = {prompt().id: prompt(system="new")}
    registry.commit(changes, operator="evolve", message="better", evidence=evidence)
    assert collect(history.database, grace=NOW).objects == 1
    assert history.load(rejected.digest) == rejected
    assert forgotten.digest not in _objects(history)


def test_old_traces_and_replies_go_on_request(history: History) -> None:
    old = datetime.now(UTC) - timedelta(days=31)
    span = {"trace_id": "t", "parent_id": None, "name": "n", "start_ns": 0, "status": "OK"}
    span |= {"attributes": {}, "events": []}
    with history.database.write() as session:
        for number, moment in enumerate([old, datetime.now(UTC)]):
            row = {"span_id": str(number), "end_ns": int(moment.timestamp() * 1e9)}
            session.execute(insert(SpanRow), span | row)
            call = {"key": str(number), "model": "m", "reply": {}}
            session.execute(insert(CallRow), call | {"created_at": moment.isoformat()})
    month = timedelta(days=30)
    assert collect(history.database) == Collected()
    assert collect(history.database, spans_older_than=month).spans == 1
    assert collect(history.database, calls_older_than=month).calls == 1
    with history.database.read() as session:
        assert session.scalars(select(SpanRow.span_id)).all() == ["1"]
        assert session.scalars(select(CallRow.key)).all() == ["1"]


def test_embeddings_of_what_is_gone_go_too(history: History) -> None:
    Registry(history).register(prompt())
    candidate = prompt(system="candidate")
    history.keep([candidate])
    with history.database.write() as session:
        for digest in (prompt().digest, candidate.digest, "f" * 64):
            row = {"model": "m", "digest": digest, "vector": b""}
            session.execute(insert(EmbeddingRow), row)
    done = collect(history.database, grace=NOW)
    assert (done.objects, done.embeddings) == (1, 2)
    with history.database.read() as session:
        assert session.scalars(select(EmbeddingRow.digest)).all() == [prompt().digest]


def test_collecting_is_audited_and_looking_is_not(history: History) -> None:
    def entries() -> int:
        with history.database.read() as session:
            return session.scalar(select(func.count()).select_from(AuditRow)) or 0

    history.keep([prompt()])
    before = entries()
    collect(history.database, dry_run=True, grace=NOW)
    assert entries() == before
    collect(history.database, grace=NOW)
    collect(history.database, grace=NOW)
    assert entries() == before + 1


def test_a_failure_in_the_middle_removes_nothing(history: History) -> None:
    history.keep([prompt()])
    with history.database.write() as session:
        session.execute(delete(AuditRow))  # so that the entry cannot be appended
    with pytest.raises(StoreError):
        collect(history.database, grace=NOW)
    assert _objects(history) == {prompt().digest}
