"""Record bodies by digest, and the version names that committed digests have.

Bodies are written once and never changed; a name is given once and never to another digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from agp.errors import InputError, NotFoundError, StoreError
from agp.recent import Recent
from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.origins import Origins
from agp.secrets import refuse
from agp.store.database import Database, insert_new
from agp.store.tables import AliasRow, ObjectRow, UseRow, VersionRow, now, table

LARGEST_BODY = 4_000_000
"""The longest canonical body of a record, in bytes."""
_SHORTEST_PREFIX = 6
_CACHED = 4096

# Built once: on the way of every commit.
_NAME = text(
    "INSERT INTO versions (type, name, number, semver, digest) "
    "SELECT CAST(:type AS VARCHAR), CAST(:name AS VARCHAR), coalesce(max(number), -1) + 1, "
    "'1.0.' || (coalesce(max(number), -1) + 1), CAST(:digest AS VARCHAR) FROM versions "
    "WHERE type = :type AND name = :name ON CONFLICT (digest) DO NOTHING"
)
_BODY = select(table(ObjectRow).c.body).where(table(ObjectRow).c.digest == bindparam("digest"))


class Objects:
    """The bodies and version names of one store."""

    def __init__(self, database: Database, origins: Origins) -> None:
        self._database = database
        self._origins = origins
        self._recent: Recent[str, Record] = Recent(_CACHED)

    def load(self, wanted: str) -> Record:
        """The record with a digest. Raises StoreError where it is missing or was altered."""
        known = self._recent.get(wanted)
        if known is None:
            known = self._read(wanted)
            self.remember([known])
        return known

    def remember(self, records: Iterable[Record]) -> None:
        """Have records at hand that are in the store: what was just written is read next."""
        for record in records:
            self._recent.put(record.digest, record)

    def _read(self, wanted: str) -> Record:
        with self._database.snapshot() as connection:
            body = connection.execute(_BODY, {"digest": wanted}).scalar()
            if body is None:
                raise StoreError(f"The store holds no version with digest {wanted[:12]}.")
            if hashlib.sha256(body.encode()).hexdigest() != wanted:
                raise StoreError(
                    f"The stored content of version {wanted[:12]} does not match its digest.",
                    hint="The store was changed from outside. See what else: agp fsck",
                )
            record = Record.model_validate(json.loads(body))
            object.__setattr__(record, "digest", wanted)  # just derived, from the same bytes
            self._origins.met(connection, [record])
        return record

    def versions(self, rid: ResourceId) -> list[tuple[str, str]]:
        """All committed versions, oldest first, as (semver, digest)."""
        query = (
            select(VersionRow.semver, VersionRow.digest)
            .where(VersionRow.type == rid.type.value, VersionRow.name == rid.name)
            .order_by(VersionRow.number)
        )
        with self._database.read() as session:
            return [(semver, found) for semver, found in session.execute(query)]

    def version_of(self, wanted: str) -> str | None:
        """The semver that names a digest; None for a candidate that was never committed."""
        query = select(VersionRow.semver).where(VersionRow.digest == wanted)
        with self._database.read() as session:
            return session.scalar(query)

    def resolve(self, rid: ResourceId, version: str) -> str:
        """The digest that a semver, an alias, or ≥ 6 digits of a digest name.

        Raises NotFoundError that lists the versions there are.
        """
        alias = select(AliasRow.digest).where(
            AliasRow.type == rid.type.value, AliasRow.name == rid.name, AliasRow.alias == version
        )
        named = select(VersionRow.digest).where(
            VersionRow.type == rid.type.value, VersionRow.name == rid.name
        )
        begins = VersionRow.digest.startswith(version.lower(), autoescape=True)
        if "\x00" in version:  # PostgreSQL has no such text
            raise NotFoundError(f"version of {rid}", version)
        with self._database.read() as session:
            found = session.scalar(named.where(VersionRow.semver == version))
            found = found or session.scalar(alias)
            if not found and len(version) >= _SHORTEST_PREFIX:
                matches = session.scalars(named.where(begins).limit(2)).all()
                found = matches[0] if len(matches) == 1 else None
        if found:
            return found
        raise NotFoundError(f"version of {rid}", version, [name for name, _ in self.versions(rid)])


def keep(session: Session, records: Iterable[Record], *, anew: bool = False) -> None:
    """Store bodies by digest without making them live.

    Raises InputError for one too large, SecretError for one that holds a secret.

    ``anew`` counts those that are there already as kept now: garbage collection spares the young.
    """
    records = list(records)
    if not records:
        return
    for record in records:
        refuse(record.body(), str(record.id))
    moment = now()
    insert_new(session, ObjectRow, [_object(record, moment) for record in records])
    if anew:
        digests = [record.digest for record in records]
        young = update(ObjectRow).where(ObjectRow.digest.in_(digests))
        session.execute(young.values(created_at=moment))
    uses = [
        {"digest": record.digest, "type": used.type.value, "name": used.name}
        for record in records
        for used in sorted(set(KINDS[record.type].dependencies(record)))
    ]
    if uses:
        insert_new(session, UseRow, uses)


def _object(record: Record, moment: str) -> dict[str, Any]:
    body = record.canonical
    if len(body) > LARGEST_BODY:
        raise InputError(
            f"{record.id}: its content has {len(body):,} bytes; {LARGEST_BODY:,} are the most.",
            hint="Keep large data in files or a database, and a path to it in the resource.",
        )
    return {
        "digest": record.digest,
        "type": record.type.value,
        "name": record.name,
        "body": body.decode(),
        "created_at": moment,
    }


def name_versions(session: Session, found: Sequence[tuple[ResourceId, str]]) -> None:
    """Name the digests that have no name yet: the next number of their resource."""
    rows = [{"type": rid.type.value, "name": rid.name, "digest": each} for rid, each in found]
    if rows:
        session.connection().execute(_NAME, rows)
