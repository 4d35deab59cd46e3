"""Database failures in words: what happened to the store, and what to do about it."""

from __future__ import annotations

import sqlite3

from sqlalchemy import exc

from agp.errors import StoreError

FAILURES = (exc.DBAPIError, exc.PendingRollbackError, exc.TimeoutError, sqlite3.Error)
"""What a database raises when it fails; a mistake in a query's form is not among them."""

_RETRY = "Nothing was half-written; run the same command again when it is back."
_HINTS = {
    "not a database": "The file is damaged or something else. Restore a backup, or use another "
    "store with --store.",
    "malformed": "The file is damaged. Restore a backup; nothing was written to it.",
    "readonly": "The store is read-only. Make it writable or choose another with --store.",
    "read-only": "The store is read-only. Make it writable or choose another with --store.",
    "permission denied": "The database user may not do this. Grant it, or use another --store.",
    "unable to open": "Check that the folder exists and is writable. A read-only store whose last "
    "writer crashed must be copied (with the files -wal and -shm) to a writable place.",
    "disk is full": "Free some space and run the same command again: nothing was half-written.",
    "no space left": "Free some space and run the same command again: nothing was half-written.",
    "disk full": "Free some space and run the same command again: nothing was half-written.",
    "disk i/o error": "Is the disk full, or was it removed? Nothing was half-written.",
    "too long": "A name is longer than a database column: shorten the author, name or message that "
    "is the longest. Nothing was written.",
    "foreign key": "It names something that is not in the store (any more). Look at the names that "
    "were given, and check the store with: agp fsck",
    "unique": "Another process is carrying this run on. Wait for it, or stop it.",
    "locked": "Another process holds the store. Wait for it, or stop it.",
    "lock timeout": "Another process holds the store. Wait for it, or stop it.",
    "queuepool": "More threads use the store at once than it has connections. Use fewer.",
    "terminat": f"The server ended the connection. {_RETRY}",
    "shutting down": f"The database server is stopping. {_RETRY}",
    "starting up": f"The database server is starting. {_RETRY}",
    "closed": f"The connection was lost. {_RETRY}",
    "rolled back": f"The connection was lost. {_RETRY}",
    "connect": f"Is the database server running and reachable? {_RETRY}",
}


def store_error(shown: str, error: Exception) -> StoreError:
    """The StoreError for a failure of the store at URL ``shown`` (without its password)."""
    original = getattr(error, "orig", None) or error
    cause = next(iter(str(original).strip().splitlines()), type(original).__name__)
    hint = next((hint for key, hint in _HINTS.items() if key in cause.lower()), None)
    return StoreError(f"The store {shown} failed: {cause}", hint=hint)
