"""Tags, aliases, pins, the dependency graph, the audit log, full-text search and embeddings."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import rfc8785
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

DIGEST = sa.String(64)
WORD = sa.String(255)


def upgrade() -> None:
    _uses()
    _names()
    _audit()
    _search()
    op.create_index("ix_refs_digest", "refs", ["digest"])
    op.create_index("ix_changes_resource", "changes", ["type", "name"])


def downgrade() -> None:
    op.drop_index("ix_changes_resource", "changes")
    op.drop_index("ix_refs_digest", "refs")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE search")
    for table in ("embeddings", "documents", "audit", "pins", "tags", "aliases", "uses"):
        op.drop_table(table)


def _uses() -> None:
    uses = op.create_table(
        "uses",
        sa.Column("digest", DIGEST, sa.ForeignKey("objects.digest"), primary_key=True),
        sa.Column("type", WORD, primary_key=True),
        sa.Column("name", WORD, primary_key=True),
    )
    op.create_index("ix_uses_used", "uses", ["type", "name"])
    agents = sa.text("SELECT digest, body FROM objects WHERE type = 'agent'")
    rows: list[dict[str, str]] = []
    for digest, body in op.get_bind().execute(agents):
        for kind, name in sorted(_bindings(body)):
            rows.append({"digest": digest, "type": kind, "name": name})
    op.bulk_insert(uses, rows)


def _bindings(body: str) -> set[tuple[str, str]]:
    """What an agent uses. Going up again after going down, that may be sub-agents too."""
    bound: set[tuple[str, str]] = set()
    try:
        params: dict[str, Any] = json.loads(body)["params"]
        for kind in ("prompt", "memory", "environment"):
            bound.add((kind, str(params.get(kind) or "")))
        for kind, field in (("tool", "tools"), ("agent", "agents")):
            names: list[Any] = params.get(field) or []
            bound |= {(kind, str(name)) for name in names}
    except (ValueError, TypeError, KeyError, AttributeError):
        return set()  # damaged, or no agent's: for fsck to name
    return {(kind, name) for kind, name in bound if name}


def _names() -> None:
    op.create_table(
        "aliases",
        sa.Column("type", WORD, primary_key=True),
        sa.Column("name", WORD, primary_key=True),
        sa.Column("alias", WORD, primary_key=True),
        sa.Column("digest", DIGEST, sa.ForeignKey("objects.digest"), nullable=False),
        sa.Column("moved_at", WORD, nullable=False),
    )
    op.create_table(
        "tags",
        sa.Column("name", WORD, primary_key=True),
        sa.Column("commit", DIGEST, sa.ForeignKey("commits.id"), nullable=False),
        sa.Column("author", WORD, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
    )
    op.create_table(
        "pins",
        sa.Column("view", DIGEST, primary_key=True),
        sa.Column("digest", DIGEST, sa.ForeignKey("objects.digest"), primary_key=True),
        sa.Column("created_at", WORD, nullable=False),
    )


def _audit() -> None:
    """The log, and its first entry: what was there before anything was audited."""
    audit = op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", DIGEST, nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
    )
    commits = op.get_bind().execute(sa.text("SELECT id FROM commits ORDER BY seq")).scalars().all()
    before = hashlib.sha256("\n".join(commits).encode()).hexdigest()
    body = rfc8785.dumps(
        {"seq": 0, "kind": "begin", "payload": {"commits": len(commits), "digest": before}}
    )
    first = {"seq": 0, "body": body.decode(), "hash": hashlib.sha256(body).hexdigest()}
    op.bulk_insert(audit, [{**first, "signature": ""}])


def _search() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", DIGEST, sa.ForeignKey("objects.digest"), nullable=False, unique=True),
        sa.Column("type", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        *(sa.Column(text, sa.Text, nullable=False) for text in ("title", "about", "content")),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_table(
        "embeddings",
        sa.Column("model", WORD, primary_key=True),
        sa.Column("digest", DIGEST, primary_key=True),
        sa.Column("vector", sa.LargeBinary, nullable=False),
    )
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(statement)


# The words come ready from agp: `ascii` only parts them at spaces. Positions and columns are not
# asked for, so they are not kept.
_SQLITE = (
    "CREATE VIRTUAL TABLE search USING fts5(words, content='documents', content_rowid='id', "
    "detail='none', columnsize=0, tokenize='ascii')",
    "CREATE TRIGGER documents_added AFTER INSERT ON documents BEGIN "
    "INSERT INTO search(rowid, words) VALUES (new.id, new.words); END",
    "CREATE TRIGGER documents_dropped AFTER DELETE ON documents BEGIN "
    "INSERT INTO search(search, rowid, words) VALUES ('delete', old.id, old.words); END",
)
_POSTGRESQL = (
    "ALTER TABLE documents ADD COLUMN vector tsvector "
    "GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED",
    "CREATE INDEX ix_documents_vector ON documents USING gin(vector)",
)
