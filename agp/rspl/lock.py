"""Lock files: a view written out whole, so that it can be run from anywhere, digest for digest.

A store that can be written keeps what its lock files hold: candidates too, and through garbage
collection.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agp.errors import InputError
from agp.rspl.entities import Record, ResourceId
from agp.rspl.history import History
from agp.rspl.objects import keep
from agp.rspl.origins import IMPORT
from agp.rspl.view import View
from agp.secrets import redact_json, refuse
from agp.store.database import insert_new
from agp.store.tables import PinRow, now

FORMAT = "agp-lock/1"
_BATCH = 1000


def write_lock(
    view: View, path: Path, history: History, *, about: dict[str, Any] | None = None
) -> None:
    """Write every record of ``view`` to ``path``; ``about`` is kept with it (a run's settings).

    The versions are pinned in the store of ``history``. Raises InputError where the file cannot
    be written, SecretError where a record holds a secret, StoreError where the store fails; then
    no file is there, and nothing is pinned.
    """
    resources = {
        str(rid): {
            "digest": view.refs[rid],
            "version": history.version_of(view.refs[rid]),
            "record": view.record(rid).body(),
        }
        for rid in view
    }
    for name, locked in resources.items():
        refuse(locked["record"], name)
    content = {
        "format": FORMAT,
        "view": view.digest,
        "commit": view.commit,
        "about": redact_json(about or {}),
        "resources": resources,
    }
    partial = path.with_name(path.name + ".partial")
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    try:
        partial.write_text(text, encoding="utf-8")
        if not history.database.read_only:
            _pin(view, history)
        partial.replace(path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"The lock file {path} cannot be written: {why}.") from error
    finally:
        with suppress(OSError, ValueError):
            partial.unlink(missing_ok=True)


def _pin(view: View, history: History) -> None:
    """Note in the store that a lock file holds these versions, overlay candidates included."""
    records = [view.record(rid) for rid in view]
    with history.database.write() as session:
        history.database.one_at_a_time(session)  # nothing is collected between keeping and pinning
        keep(session, records)
        row = {"view": view.digest, "created_at": now()}
        rows = [{**row, "digest": each} for each in sorted(set(view.refs.values()))]
        for start in range(0, len(rows), _BATCH):
            insert_new(session, PinRow, rows[start : start + _BATCH])


def read_lock(path: Path, history: History | None = None) -> tuple[View, dict[str, Any]]:
    """The view of a lock file and what was kept with it.

    Code that the store of ``history`` does not know as a person's runs confined, without a store
    all that this process does not know. Raises InputError when the file is not a lock file or any
    record fails its digest.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise InputError(f"{path}: a lock file of another format: {content['format']!r}.")
        records: dict[str, Record] = {}
        refs: dict[ResourceId, str] = {}
        for name, locked in content["resources"].items():
            record = Record.model_validate(locked["record"])
            if record.digest != locked["digest"] or str(record.id) != name:
                raise InputError(f"{path}: {name} was changed after it was locked.")
            records[record.digest] = record
            refs[record.id] = record.digest
        expected, commit, about = content["view"], content["commit"], dict(content["about"])
    except FileNotFoundError as error:
        raise InputError(f"There is no lock file {path}.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, ValidationError):
            raise InputError(f"{path}: a record in it is malformed: {error}") from error
        raise InputError(f"{path} is not an agp lock file ({error}).") from error
    view = View(refs, records.__getitem__, commit=commit)
    if view.digest != expected:
        raise InputError(f"{path}: its resources do not add up to the view it names.")
    if history is not None:
        history.origins.meet(records.values(), IMPORT)
    return view, about
