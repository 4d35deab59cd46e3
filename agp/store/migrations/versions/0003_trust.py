"""Who wrote code and who approved it, policies, orders to stop, shared budgets, influences."""

from __future__ import annotations

import hashlib
import json
from typing import Any, cast

import rfc8785
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

DIGEST = sa.String(64)
WORD = sa.String(255)
BATCH = 500


def upgrade() -> None:
    _code()
    _limits()
    op.create_table(
        "influences",
        sa.Column("commit", DIGEST, sa.ForeignKey("commits.id"), primary_key=True),
        sa.Column("label", WORD, primary_key=True),
    )
    op.create_index("ix_influences_label", "influences", ["label"])


def downgrade() -> None:
    tables = ("influences", "reservations", "accounts", "stops", "policies", "approvals", "origins")
    for table in tables:
        op.drop_table(table)


def _code() -> None:
    origins = op.create_table(
        "origins",
        sa.Column("code", DIGEST, primary_key=True),
        sa.Column("origin", WORD, primary_key=True),
        sa.Column("author", WORD, nullable=False),
        sa.Column("resource", WORD, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
    )
    rows = _origins()
    for start in range(0, len(rows), BATCH):
        op.bulk_insert(origins, rows[start : start + BATCH])
    op.create_table(
        "approvals",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("code", DIGEST, nullable=False),
        sa.Column("parent", DIGEST),
        sa.Column("policy", DIGEST, nullable=False),
        sa.Column("resource", WORD, nullable=False),
        sa.Column("decision", WORD, nullable=False),
        sa.Column("reviewer", WORD, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
        sa.Column("expires_at", WORD),
    )
    op.create_index("ix_approvals_code", "approvals", ["code"])
    op.create_table(
        "policies",
        sa.Column("digest", DIGEST, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
    )


def _origins() -> list[dict[str, str]]:
    """Who brought each code first: up to 0002 people did, or imports; optimizers wrote none."""
    found: dict[str, dict[str, str]] = {}
    brought = _brought()
    for digest, type_, name, body, created in op.get_bind().execute(_OBJECTS):
        code = _code_of(type_, body)
        if code is None:
            continue
        seq, imported, author, at = brought.get(digest, (None, False, "", created))
        row = {"code": code, "origin": "import" if imported else "person", "author": author}
        row |= {"resource": f"{type_}/{name}", "created_at": at, "seq": str(seq or 0).zfill(12)}
        if code not in found or row["seq"] < found[code]["seq"]:
            found[code] = row
    return [{k: v for k, v in row.items() if k != "seq"} for row in found.values()]


_OBJECTS = sa.text("SELECT digest, type, name, body, created_at FROM objects ORDER BY digest")
_CHANGES = sa.text(
    "SELECT changes.after, commits.id, commits.seq, commits.operator, commits.author, "
    'commits.created_at FROM changes JOIN commits ON commits.id = changes."commit" '
    "WHERE changes.after IS NOT NULL ORDER BY commits.seq DESC"
)
_AUDIT = sa.text("SELECT body FROM audit")
_UNNAMED = sa.text(
    "SELECT digest FROM versions WHERE digest NOT IN "
    "(SELECT after FROM changes WHERE after IS NOT NULL)"
)


def _brought() -> dict[str, tuple[int, bool, str, str]]:
    """Version → the first commit that made it live: its number, whether it imported, who, when."""
    bind = op.get_bind()
    imported: set[str] = set()
    for body in bind.execute(_AUDIT).scalars():
        entry = _read(body)
        payload = _object(entry.get("payload"))
        if entry.get("kind") == "commit" and "bundle" in payload:
            imported.add(str(payload.get("commit")))  # a branch that was taken over whole
    found: dict[str, tuple[int, bool, str, str]] = {}
    for after, commit, seq, operator, author, at in bind.execute(_CHANGES):
        found[after] = (seq, operator == "import" or commit in imported, author, at)
    for digest in bind.execute(_UNNAMED).scalars():  # named, and never live: of a bundle
        found.setdefault(digest, (10**11, True, "", ""))
    return found


def _code_of(type_: str, body: str) -> str | None:
    """The digest of the code of a record; of a server, its command line counts too."""
    record = _read(body)
    written = _object(record.get("implementation"))
    if type_ == "prompt" or not written:
        return None  # texts; or damaged, for fsck to name
    try:
        code = {"kind": written["kind"], "entry": written["entry"], "files": written["files"]}
        digest = _digest(code)
        if written["kind"] == "mcp":
            return _digest([digest, record["params"]])
    except (KeyError, ValueError, RecursionError, UnicodeError):
        return None
    return digest


def _digest(value: Any) -> str:
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def _read(body: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return _object(value)


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _limits() -> None:
    op.create_table(
        "stops",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("author", WORD, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
    )
    op.create_table(
        "accounts",
        sa.Column("scope", WORD, primary_key=True),
        sa.Column("limits", sa.JSON, nullable=False),
        sa.Column("spent", sa.JSON, nullable=False),
        sa.Column("updated_at", WORD, nullable=False),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("scope", WORD, primary_key=True),
        sa.Column("run", WORD, nullable=False),
        sa.Column("amounts", sa.JSON, nullable=False),
        sa.Column("created_at", WORD, nullable=False),
    )
    op.create_index("ix_reservations_run", "reservations", ["run"])
