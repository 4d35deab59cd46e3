"""Checking stores: clean ones are clean, and every kind of damage is found and named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from sqlalchemy import LargeBinary, delete, insert, text

from agp.rspl import search
from agp.rspl.entities import EntityType
from agp.rspl.history import History
from agp.rspl.registry import Registry
from agp.rspl.upkeep.fsck import check
from agp.runs.journal import Journal
from agp.store.database import Database
from agp.store.tables import Base, EmbeddingRow, VersionRow

from .growing import STEPS, Step, fresh, grow
from .helpers import prompt, record

EXAMPLE: list[Step] = [
    ("update", EntityType.AGENT, "a"),
    ("update", EntityType.TOOL, "t"),
    ("update", EntityType.PROMPT, "p"),
    ("alias", EntityType.PROMPT, ""),
    ("tag", EntityType.PROMPT, ""),
    ("lock", EntityType.MEMORY, "m"),
    ("branch", EntityType.PROMPT, ""),
    ("update", EntityType.PROMPT, "q"),
    ("mentioned", EntityType.TOOL, "u"),
]

# damage → the part of the store and the words it is found by
DAMAGE = {
    "UPDATE objects SET body = replace(body, 'Be brief', 'Be long') WHERE type = 'prompt'": (
        "objects",
        "does not match its digest",
    ),
    "UPDATE objects SET body = body || ' '": ("objects", "not in canonical form"),
    "UPDATE objects SET body = '{'": ("objects", "cannot be read"),
    "UPDATE objects SET body = '[]'": ("objects", "cannot be read"),
    "UPDATE objects SET body = 'NaN'": ("objects", "cannot be read"),
    'UPDATE objects SET body = \'{"type":"agent"}\'': ("objects", "cannot be read"),
    "UPDATE objects SET name = 'other' WHERE type = 'tool'": ("objects", "is a record of tool/it"),
    "DELETE FROM uses": ("objects", "dependency graph"),
    "INSERT INTO uses SELECT digest, 'tool', 'ghost' FROM versions": ("objects", "tool/ghost"),
    "UPDATE commits SET message = 'I never said that' WHERE seq = 2": ("commits", "match its id"),
    "UPDATE commits SET author = 'somebody' WHERE seq = 1": ("commits", "match its id"),
    "UPDATE commits SET evidence = '{\"p\": 0.01}' WHERE seq = 2": ("commits", "match its id"),
    "UPDATE commits SET parent = NULL WHERE seq = 3": ("commits", "match its id"),
    "UPDATE changes SET before = after": ("commits", "match its id"),
    "DELETE FROM changes WHERE type = 'tool'": ("commits", "match its id"),
    "DELETE FROM changes WHERE type = 'tool' AND name = 'it'": ("branches", "tool/it"),
    "UPDATE changes SET type = 'toll' WHERE type = 'tool'": ("commits", "match its id"),
    "UPDATE commits SET seq = 100 WHERE seq = 1": ("commits", "comes after it"),
    "UPDATE branches SET head = 'ab'": ("branches", "does not exist"),
    "UPDATE branches SET head = NULL": ("branches", "no commit"),
    "DELETE FROM refs WHERE type = 'tool'": ("branches", "tool/it"),
    "UPDATE refs SET digest = (SELECT digest FROM objects WHERE type = 'memory')": (
        "refs",
        "another resource",
    ),
    "UPDATE aliases SET digest = (SELECT digest FROM objects WHERE type = 'tool' LIMIT 1)": (
        "aliases",
        "another resource",
    ),
    "UPDATE changes SET after = (SELECT digest FROM objects WHERE type = 'tool' LIMIT 1)": (
        "changes",
        "another resource",
    ),
    "DELETE FROM aliases": ("names", "it is gone"),
    "UPDATE aliases SET alias = 'other'": ("names", "does not know it"),
    "UPDATE aliases SET digest = (SELECT digest FROM versions WHERE semver = '1.0.1')": (
        "names",
        "the audit log says",
    ),
    "DELETE FROM tags": ("names", "it is gone"),
    "UPDATE tags SET name = 'other'": ("names", "does not know it"),
    'UPDATE tags SET "commit" = (SELECT id FROM commits WHERE seq = 1)': (
        "names",
        "the audit log says",
    ),
    "INSERT INTO branches SELECT 'other', head FROM branches WHERE name = 'main'": (
        "names",
        "branch other",
    ),
    "UPDATE versions SET semver = '9.9.9' WHERE number = 1": ("versions", "called 9.9.9"),
    "UPDATE versions SET number = 7 WHERE number = 1": ("versions", "number 1 is missing"),
    "DELETE FROM versions WHERE number = 1": ("versions", "number 1 is missing"),
    "INSERT INTO versions SELECT type, name, 1, '1.0.1', digest FROM objects "
    "WHERE digest NOT IN (SELECT digest FROM versions) AND type = 'tool' LIMIT 1": (
        "versions",
        "never committed",
    ),
    "DELETE FROM versions WHERE type = 'tool'": ("versions", "no version name"),
    "UPDATE versions SET type = 'memory' WHERE type = 'tool'": ("versions", "another resource"),
    "DELETE FROM events WHERE seq = 2": ("runs", "gap"),
    "UPDATE events SET seq = seq + 1 WHERE seq = 3": ("runs", "gap"),
    "UPDATE audit SET body = replace(body, 'register', 'registed') WHERE seq = 1": ("audit", ""),
    "DELETE FROM audit WHERE seq = 2": ("audit", ""),
    "DELETE FROM audit WHERE seq > 2": ("audit", "has no entry"),
    "DELETE FROM documents": ("search", "not in the search index"),
}

UNGUARDED = {  # what a server's foreign keys do not let happen
    "DELETE FROM objects WHERE type = 'memory'": ("pins", "not in the store"),
    "UPDATE tags SET \"commit\" = 'ab'": ("tags", "does not exist"),
    "UPDATE objects SET body = CAST(x'ff00' AS TEXT)": ("objects", "cannot be read"),
    "UPDATE uses SET type = x'fffe'": ("file", "of type blob"),
    "UPDATE objects SET body = x'ff00'": ("objects", "cannot be read"),
    "UPDATE commits SET evidence = '{' WHERE seq = 2": ("commits", "cannot be read"),
}


@pytest.fixture
def grown(history: History) -> History:
    """A small history with something of everything."""
    grow(history, EXAMPLE)
    journal = Journal.start(history.database, "bench", {})
    for key in ("a", "b", "c"):
        journal.append(key, "step", {})
    assert check(history.database) == []
    return history


@given(steps=STEPS)
@settings(max_examples=12, deadline=None)
def test_whatever_agp_does_leaves_a_clean_store(steps: list[Step]) -> None:
    with fresh() as history:
        grow(history, steps)
        assert check(history.database) == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found(grown: History, damage: str) -> None:
    part, words = DAMAGE[damage]
    if part == "search":
        damage += " WHERE id = (SELECT min(id) FROM documents)"
    with grown.database.write() as session:
        session.execute(text(damage))
    found = check(grown.database)
    assert any(each.part == part and words in f"{each.where} {each.fault}" for each in found), found
    assert all(each.remedy for each in found)


def test_a_branch_set_back_is_found(grown: History) -> None:
    commit = grown.log("branch-6")[0]
    with grown.database.write() as session:
        moved = {"branch": commit.branch, "to": commit.parent}
        session.execute(text("UPDATE branches SET head = :to WHERE name = :branch"), moved)
        (change,) = commit.changes
        ref = {"branch": commit.branch, "type": change.resource.type, "digest": change.before}
        where = "branch = :branch AND type = :type"
        session.execute(text(f"UPDATE refs SET digest = :digest WHERE {where}"), ref)
    search.rebuild(grown.database)
    (found,) = check(grown.database)
    assert (found.part, found.where) == ("names", f"branch {commit.branch}")
    assert commit.id[:12] in found.fault


def test_a_branch_that_was_removed_is_found(grown: History) -> None:
    with grown.database.write() as session:
        for table in ("refs", "sources"):
            session.execute(text(f"DELETE FROM {table} WHERE branch = 'branch-6'"))
        session.execute(text("DELETE FROM branches WHERE name = 'branch-6'"))
    search.rebuild(grown.database)
    assert [(each.part, each.where) for each in check(grown.database)] == [
        ("names", "branch branch-6")
    ]


def test_names_that_agp_takes_away_are_not_missed(grown: History) -> None:
    grown.delete_branch("branch-6")
    grown.names.delete_tag("t4", author="me")
    grown.names.delete_alias(prompt().id, "a3", author="me")
    assert check(grown.database) == []


def test_version_names_that_changed_places_are_found(grown: History) -> None:
    rid = prompt().id
    (_, first), (_, second), *_ = grown.versions(rid)
    with grown.database.write() as session:
        session.execute(delete(VersionRow).where(VersionRow.digest.in_((first, second))))
        for number, each in enumerate((second, first)):
            row = {"type": rid.type, "name": rid.name, "number": number, "digest": each}
            session.execute(insert(VersionRow), row | {"semver": f"1.0.{number}"})
    (found,) = check(grown.database)
    assert (found.part, found.where) == ("versions", str(rid))
    assert first[:12] in found.fault


def test_what_only_retired_entries_tell_is_taken_as_it_is(grown: History) -> None:
    with grown.database.write() as session:
        last = "(SELECT max(seq) FROM audit)"
        session.execute(text(f"DELETE FROM audit WHERE seq < {last}"))
    assert {each.part for each in check(grown.database)} == {"audit"}


def test_what_was_read_from_files_need_not_be_kept(grown: History) -> None:
    with grown.database.write() as session:
        grown.note_sources("main", {prompt().id: "f" * 64}, session)
    assert check(grown.database) == []


def test_any_value_of_another_type_is_found(tmp_path: Path) -> None:
    """In every column: what SQLite lets anybody write becomes a finding, never an exception."""
    with fresh() as history:
        grow(history, EXAMPLE)
        with history.database.write() as session:
            row = {"model": "m", "digest": prompt().digest, "vector": b""}
            session.execute(insert(EmbeddingRow), row)
        history.database.close()
        assert history.database.file
        content = history.database.file.read_bytes()
    tried = 0
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            file = tmp_path / f"{table.name}-{column.name}"
            file.write_bytes(content)
            with sqlite3.connect(file) as unguarded:
                value = "'\u2028'" if isinstance(column.type, LargeBinary) else "x'fffe'"
                last = f"(SELECT max(rowid) FROM {table.name})"
                statement = (
                    f'UPDATE {table.name} SET "{column.name}" = {value} WHERE rowid = {last}'
                )
                try:
                    if not unguarded.execute(statement).rowcount:
                        continue
                except sqlite3.IntegrityError:  # the number of a row
                    continue
            unguarded.close()
            database = Database(file)
            found = check(database)
            database.close()
            tried += 1
            assert any(
                each.where == f"{table.name}.{column.name}" and "of type" in each.fault
                for each in found
            ), (table.name, column.name, found)
    assert tried > 50


@pytest.mark.parametrize("damage", UNGUARDED)
def test_damage_that_only_a_file_can_have_is_found(damage: str) -> None:
    part, words = UNGUARDED[damage]
    with fresh() as history:
        grow(history, EXAMPLE)
        assert history.database.file
        with sqlite3.connect(history.database.file) as unguarded:
            unguarded.execute(damage)
        found = check(history.database)
        assert any(each.part == part and words in each.fault for each in found), found


def test_a_torn_page_is_found() -> None:
    with fresh() as history:
        grow(history, EXAMPLE)
        database = history.database
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        assert database.file is not None
        content = bytearray(database.file.read_bytes())
        content[4096 * 8 : 4096 * 12] = bytes(4096 * 4)
        database.file.write_bytes(content)
        found = check(Database(database.file))
        assert {each.part for each in found} >= {"file"}


def test_progress_says_what_is_checked(history: History) -> None:
    registry = Registry(history)
    registry.register(prompt())
    registry.register(record(EntityType.TOOL, "t"))
    told: list[tuple[str, int]] = []
    check(history.database, lambda what, done: told.append((what, done)))
    assert ("objects", 2) in told
    assert ("commits", 2) in told
