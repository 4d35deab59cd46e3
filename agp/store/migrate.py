"""Running the migrations, up and down; apart from `database.py` because Alembic is slow to import.

Contract: a migration is one transaction on both databases, so a process that dies in the middle
leaves the schema from before; only one process migrates a store at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from agp.errors import InputError, NotFoundError
from agp.store.database import LOCK, SCHEMA, Database
from agp.store.engines import WRITE

_ADDED = {
    "0002": {
        "aliases": "aliases",
        "tags": "tags of commits",
        "pins": "versions kept for lock files",
        "audit": "entries of the audit log",
    },
    "0003": {
        "origins": "notes of who wrote code",
        "approvals": "approvals of code",
        "policies": "policies",
        "stops": "orders to stop",
        "accounts": "shared budgets",
        "reservations": "calls under way in shared budgets",
        "influences": "notes of what influenced a commit",
    },
}
"""What each schema added that cannot be derived again from the rest: table → what a row is."""


def upgrade(engine: Engine) -> None:
    """Bring a store to the newest schema."""
    upgrade_to(engine, "head")


def upgrade_to(engine: Engine, revision: str) -> None:
    """Bring a store to a schema that is newer than its own."""
    _migrate(engine, lambda config: command.upgrade(config, revision))


def downgrade(engine: Engine, revision: str) -> None:
    """Take a store back to an older schema, for an older agp.

    What `losses` names is gone then; all else comes back with `upgrade`. Raises NotFoundError for
    a schema that does not exist, InputError where the store is not newer than that.
    """
    known = revisions()
    if revision not in known:
        raise NotFoundError("schema", revision, known)
    with engine.connect() as connection:
        query = text("SELECT version_num FROM alembic_version")
        present = connection.execute(query).scalar_one()
    if present not in known:
        raise InputError(
            f"This store has schema {present}; this agp knows up to {SCHEMA}.",
            hint="Take it back with the agp that made it.",
        )
    if present <= revision:
        raise InputError(
            f"This store has schema {present}, which is not newer than {revision}.",
            hint="Bring a store up to date with: agp store upgrade",
        )
    _migrate(engine, lambda config: command.downgrade(config, revision))


def revisions() -> list[str]:
    """The schemas that this agp knows, oldest first."""
    scripts = ScriptDirectory.from_config(_config())
    return sorted(script.revision for script in scripts.walk_revisions())


def losses(database: Database, revision: str) -> dict[str, int]:
    """What a downgrade to ``revision`` would lose for good: what → how many."""
    lost: dict[str, int] = {}
    with database.read() as session:
        present = inspect(session.connection()).get_table_names()
        for schema, tables in _ADDED.items():
            for table, name in tables.items():
                if schema > revision and table in present:
                    query = text(f"SELECT count(*) FROM {table}")
                    lost[name] = session.execute(query).scalar_one()
    return {name: count for name, count in lost.items() if count}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _migrate(engine: Engine, run: Callable[[Config], None]) -> None:
    config = _config()
    with (
        engine.connect().execution_options(**{WRITE: True}) as connection,
        connection.begin(),
    ):
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        run(config)
