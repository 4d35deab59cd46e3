"""Names that people give: branches and tags for commits, aliases for versions of a resource.

A tag lasts; a branch is moved by commits only; an alias (``production``) is moved at will, and
each move is in the audit log.
"""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, insert, select

from agp.audit import log as audit
from agp.errors import InputError, NotFoundError
from agp.rspl.commits import checked_text
from agp.rspl.entities import ResourceId
from agp.secrets import refuse
from agp.store.database import Database
from agp.store.tables import AliasRow, BranchRow, TagRow, now

_NAME = re.compile(r"[a-z0-9]+(?:[_./-][a-z0-9]+)*", re.ASCII)
_LONGEST = 100
_DIGITS = re.compile(r"[0-9a-f]{6,64}|\d+(\.\d+)*")


def check_name(name: str, what: str) -> str:
    """Return ``name`` if a branch, tag or alias may have it, else raise InputError."""
    if len(name) > _LONGEST or not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is not a name for {what}.",
            hint="Use lower-case ASCII letters and digits with single _ . - / between them "
            f"(at most {_LONGEST} characters).",
        )
    if _DIGITS.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name {what}: it reads like a digest or a version.",
            hint="Choose a word.",
        )
    refuse(name, f"The name for {what}")
    return name


class Names:
    """Tags and aliases of one store. Every change is audited in its own transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tags(self) -> dict[str, str]:
        """Tag → commit."""
        with self._database.read() as session:
            rows = session.execute(select(TagRow.name, TagRow.commit).order_by(TagRow.name))
            return {row.name: row.commit for row in rows}

    def create_tag(self, name: str, commit: str, *, author: str, message: str = "") -> None:
        """Name a commit (by its full id) for good. Raises InputError for a name in use."""
        check_name(name, "a tag")
        checked_text(message, "The message")
        refuse({"author": author, "message": message}, f"The tag {name}")
        with self._database.write() as session:
            self._database.one_at_a_time(session)
            if session.get(TagRow, name) or session.get(BranchRow, name):
                raise InputError(
                    f"There is already a tag or a branch {name!r}.",
                    hint="Choose another name; tags are never moved.",
                )
            row = {"name": name, "commit": commit, "author": author, "message": message}
            session.execute(insert(TagRow), {**row, "created_at": now()})
            audit.append(session, "tag", author, {"tag": name, "commit": commit})

    def delete_tag(self, name: str, *, author: str) -> None:
        """Take a tag away; the commit stays. Raises NotFoundError."""
        with self._database.write() as session:
            self._database.one_at_a_time(session)
            row = session.get(TagRow, name)
            if row is None:
                raise NotFoundError("tag", name, self.tags())
            audit.append(session, "tag_deleted", author, {"tag": name, "commit": row.commit})
            session.delete(row)

    def aliases(self, rid: ResourceId) -> dict[str, str]:
        """Alias → digest, of one resource."""
        query = select(AliasRow.alias, AliasRow.digest).where(*_is(rid)).order_by(AliasRow.alias)
        with self._database.read() as session:
            return {row.alias: row.digest for row in session.execute(query)}

    def alias(self, rid: ResourceId, alias: str) -> str | None:
        """The digest an alias stands for now."""
        with self._database.read() as session:
            return session.scalar(select(AliasRow.digest).where(*_is(rid), AliasRow.alias == alias))

    def move_alias(self, rid: ResourceId, alias: str, to: str, *, author: str) -> None:
        """Let an alias stand for a version, by its full digest, whatever it stood for before."""
        check_name(alias, "an alias")
        with self._database.write() as session:
            self._database.one_at_a_time(session)
            row = session.get(AliasRow, (rid.type.value, rid.name, alias))
            before = row.digest if row else None
            if row is None:
                row = AliasRow(type=rid.type.value, name=rid.name, alias=alias)
                session.add(row)
            row.digest, row.moved_at = to, now()
            session.flush()
            moved = {"resource": str(rid), "alias": alias, "before": before, "after": to}
            audit.append(session, "alias", author, moved)

    def delete_alias(self, rid: ResourceId, alias: str, *, author: str) -> None:
        """Take an alias away; the version stays. Raises NotFoundError."""
        with self._database.write() as session:
            self._database.one_at_a_time(session)
            row = session.get(AliasRow, (rid.type.value, rid.name, alias))
            if row is None:
                raise NotFoundError(f"alias of {rid}", alias, self.aliases(rid))
            gone = {"resource": str(rid), "alias": alias, "before": row.digest, "after": None}
            audit.append(session, "alias", author, gone)
            session.delete(row)


def _is(rid: ResourceId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return AliasRow.type == rid.type.value, AliasRow.name == rid.name
