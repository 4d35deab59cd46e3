"""The schema: every table of a store. A change here needs a migration in `migrations/versions/`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

JsonObject = dict[str, Any]


def now() -> str:
    """The current time, ISO 8601 in UTC with microseconds: sorts as text, means one thing."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Base(DeclarativeBase):
    """Common base; JSON columns hold plain JSON values."""

    type_annotation_map = {JsonObject: JSON, list[Any]: JSON, str: String(255)}  # noqa: RUF012


def table(row: type[Base]) -> Table:
    """The table of a row class, for statements that skip the ORM."""
    return cast(Table, row.__table__)


class ObjectRow(Base):
    """One immutable record body by content digest, committed or proposed (candidates too)."""

    __tablename__ = "objects"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    type: Mapped[str]
    name: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str]


class VersionRow(Base):
    """The semantic version that names a committed digest; given once, never reused."""

    __tablename__ = "versions"
    type: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    semver: Mapped[str]
    digest: Mapped[str] = mapped_column(ForeignKey("objects.digest"), unique=True)
    __table_args__ = (UniqueConstraint("type", "name", "semver"),)


class UseRow(Base):
    """What the record with a digest is bound to by name: the dependency graph, by content."""

    __tablename__ = "uses"
    digest: Mapped[str] = mapped_column(ForeignKey("objects.digest"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    __table_args__ = (Index("ix_uses_used", "type", "name"),)


class AliasRow(Base):
    """A moving name for one version of a resource: (resource, alias) → digest."""

    __tablename__ = "aliases"
    type: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    alias: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("objects.digest"))
    moved_at: Mapped[str]


class TagRow(Base):
    """A lasting name for a commit; never moved."""

    __tablename__ = "tags"
    name: Mapped[str] = mapped_column(primary_key=True)
    commit: Mapped[str] = mapped_column(ForeignKey("commits.id"))
    author: Mapped[str]
    message: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str]


class PinRow(Base):
    """A version that a lock file written from this store holds: never collected as garbage."""

    __tablename__ = "pins"
    view: Mapped[str] = mapped_column(String(64), primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("objects.digest"), primary_key=True)
    created_at: Mapped[str]


class BranchRow(Base):
    """A branch and the commit it stands at; moved only by compare-and-swap."""

    __tablename__ = "branches"
    name: Mapped[str] = mapped_column(primary_key=True)
    head: Mapped[str | None] = mapped_column(String(64))


class RefRow(Base):
    """What a branch has live: (branch, resource) → digest."""

    __tablename__ = "refs"
    branch: Mapped[str] = mapped_column(ForeignKey("branches.name"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("objects.digest"), index=True)


class SourceRow(Base):
    """What a resource was when it was last read from files, per branch."""

    __tablename__ = "sources"
    branch: Mapped[str] = mapped_column(ForeignKey("branches.name"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))


class CommitRow(Base):
    """One atomic transition of any number of refs, with its reason."""

    __tablename__ = "commits"
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, unique=True)
    branch: Mapped[str]
    parent: Mapped[str | None] = mapped_column(String(64), index=True)
    merged: Mapped[str | None] = mapped_column(String(64))
    author: Mapped[str]
    operator: Mapped[str]
    message: Mapped[str] = mapped_column(Text)
    evidence: Mapped[JsonObject]
    objective: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[str]


class ChangeRow(Base):
    """One ref that a commit moved: ``before`` is empty for a new one, ``after`` for a removal."""

    __tablename__ = "changes"
    commit: Mapped[str] = mapped_column(ForeignKey("commits.id"), primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    before: Mapped[str | None] = mapped_column(String(64))
    after: Mapped[str | None] = mapped_column(String(64))
    __table_args__ = (Index("ix_changes_resource", "type", "name"),)


class AuditRow(Base):
    """One entry of the audit log: canonical JSON, its hash, and its writer's signature."""

    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    body: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(128))


class DocumentRow(Base):
    """What full-text search knows of a version that is live on some branch.

    ``title``, ``about`` and ``content`` are word stems between spaces, ``words`` is what the
    index is made of: FTS5 on SQLite, a generated tsvector on PostgreSQL (see the migration).
    """

    __tablename__ = "documents"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("objects.digest"), unique=True)
    type: Mapped[str]
    name: Mapped[str]
    title: Mapped[str] = mapped_column(Text)
    about: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)


class EmbeddingRow(Base):
    """The embedding of a version's text by one model: little-endian float32."""

    __tablename__ = "embeddings"
    model: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class RunRow(Base):
    """One run (a benchmark or an evolution): its configuration and how it ended."""

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    config: Mapped[JsonObject]
    status: Mapped[str]
    created_at: Mapped[str]
    finished_at: Mapped[str | None]


class EventRow(Base):
    """One step of a run's journal; ``key`` names the step, so that it is never done twice."""

    __tablename__ = "events"
    run: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    type: Mapped[str]
    payload: Mapped[JsonObject]
    created_at: Mapped[str]
    __table_args__ = (UniqueConstraint("run", "key"),)


class EvaluationRow(Base):
    """One scored sample by content key: what was run, on what, by which model, which repetition."""

    __tablename__ = "evaluations"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    result: Mapped[JsonObject]
    created_at: Mapped[str]


class CallRow(Base):
    """One model reply by content key of its request."""

    __tablename__ = "calls"
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    model: Mapped[str]
    reply: Mapped[JsonObject]
    created_at: Mapped[str]


class SpanRow(Base):
    """One OpenTelemetry span; times in nanoseconds since the epoch."""

    __tablename__ = "spans"
    span_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    trace_id: Mapped[str] = mapped_column(String(32))
    parent_id: Mapped[str | None] = mapped_column(String(16))
    name: Mapped[str]
    start_ns: Mapped[int] = mapped_column(BigInteger)
    end_ns: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]
    attributes: Mapped[JsonObject]
    events: Mapped[list[Any]]
    __table_args__ = (Index("ix_spans_trace", "trace_id"), Index("ix_spans_start", "start_ns"))


class OriginRow(Base):
    """Who wrote code, by the digest of a record's implementation; the first to bring it is kept.

    ``origin`` is ``person``, ``optimizer``, ``model`` or ``import``.
    """

    __tablename__ = "origins"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    origin: Mapped[str] = mapped_column(primary_key=True)
    author: Mapped[str]
    resource: Mapped[str]
    created_at: Mapped[str]


class ApprovalRow(Base):
    """A person's word on code: bound to its digest, to what it replaces and to the policy."""

    __tablename__ = "approvals"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(64), index=True)
    parent: Mapped[str | None] = mapped_column(String(64))
    policy: Mapped[str] = mapped_column(String(64))
    resource: Mapped[str]
    decision: Mapped[str]
    reviewer: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str]
    expires_at: Mapped[str | None]


class PolicyRow(Base):
    """A policy that was in force, as it was written."""

    __tablename__ = "policies"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str]


class StopRow(Base):
    """An order to stop: every run that began before it ends, and commits nothing any more."""

    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    author: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[str]


class AccountRow(Base):
    """A budget that several runs share (all of a store, an agent): its limits and what is spent."""

    __tablename__ = "accounts"
    scope: Mapped[str] = mapped_column(primary_key=True)
    limits: Mapped[JsonObject]
    spent: Mapped[JsonObject]
    updated_at: Mapped[str]


class ReservationRow(Base):
    """What a call under way may cost at most, in one account; settled when the call ends."""

    __tablename__ = "reservations"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    scope: Mapped[str] = mapped_column(primary_key=True)
    run: Mapped[str] = mapped_column(index=True)
    amounts: Mapped[JsonObject]
    created_at: Mapped[str]


class InfluenceRow(Base):
    """What a commit goes back to: ``label`` names a sample, a trace or a run (``sample:ID``)."""

    __tablename__ = "influences"
    commit: Mapped[str] = mapped_column(ForeignKey("commits.id"), primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True, index=True)
