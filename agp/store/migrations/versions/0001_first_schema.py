"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

DIGEST = sa.String(64)
WORD = sa.String(255)


def upgrade() -> None:
    op.create_table(
        "objects",
        sa.Column("digest", DIGEST, primary_key=True),
        sa.Column("type", WORD, nullable=False),
        sa.Column("name", WORD, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
    )
    op.create_table(
        "versions",
        sa.Column("type", WORD, primary_key=True),
        sa.Column("name", WORD, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("semver", WORD, nullable=False),
        sa.Column("digest", DIGEST, sa.ForeignKey("objects.digest"), nullable=False, unique=True),
        sa.UniqueConstraint("type", "name", "semver"),
    )
    op.create_table(
        "branches",
        sa.Column("name", WORD, primary_key=True),
        sa.Column("head", DIGEST),
    )
    op.create_table(
        "refs",
        sa.Column("branch", WORD, sa.ForeignKey("branches.name"), primary_key=True),
        sa.Column("type", WORD, primary_key=True),
        sa.Column("name", WORD, primary_key=True),
        sa.Column("digest", DIGEST, sa.ForeignKey("objects.digest"), nullable=False),
    )
    op.create_table(
        "sources",
        sa.Column("branch", WORD, sa.ForeignKey("branches.name"), primary_key=True),
        sa.Column("type", WORD, primary_key=True),
        sa.Column("name", WORD, primary_key=True),
        sa.Column("digest", DIGEST, nullable=False),
    )
    op.create_table(
        "commits",
        sa.Column("id", DIGEST, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False, unique=True),
        sa.Column("branch", WORD, nullable=False),
        sa.Column("parent", DIGEST, index=True),
        sa.Column("merged", DIGEST),
        sa.Column("author", WORD, nullable=False),
        sa.Column("operator", WORD, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("objective", DIGEST),
        sa.Column("created_at", WORD, nullable=False),
    )
    op.create_table(
        "changes",
        sa.Column("commit", DIGEST, sa.ForeignKey("commits.id"), primary_key=True),
        sa.Column("type", WORD, primary_key=True),
        sa.Column("name", WORD, primary_key=True),
        sa.Column("before", DIGEST),
        sa.Column("after", DIGEST),
    )
    op.create_table(
        "runs",
        sa.Column("id", WORD, primary_key=True),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
        sa.Column("finished_at", WORD),
    )
    op.create_table(
        "events",
        sa.Column("run", WORD, sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("key", WORD, nullable=False),
        sa.Column("type", WORD, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
        sa.UniqueConstraint("run", "key"),
    )
    op.create_table(
        "evaluations",
        sa.Column("key", DIGEST, primary_key=True),
        sa.Column("result", sa.JSON, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
    )
    op.create_table(
        "calls",
        sa.Column("key", DIGEST, primary_key=True),
        sa.Column("model", WORD, nullable=False),
        sa.Column("reply", sa.JSON, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
    )
    op.create_table(
        "spans",
        sa.Column("span_id", sa.String(16), primary_key=True),
        sa.Column("trace_id", sa.String(32), nullable=False),
        sa.Column("parent_id", sa.String(16)),
        sa.Column("name", WORD, nullable=False),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("events", sa.JSON, nullable=False),
    )
    op.create_index("ix_spans_trace", "spans", ["trace_id"])
    op.create_index("ix_spans_start", "spans", ["start_ns"])


def downgrade() -> None:
    for table in (
        *("spans", "calls", "evaluations", "events", "runs"),
        *("changes", "commits", "sources", "refs", "branches", "versions", "objects"),
    ):
        op.drop_table(table)
