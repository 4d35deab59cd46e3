"""What an attack on the gate is, and the yard it happens in."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agp.audit.checks import check_store
from agp.audit.keys import vouched_for
from agp.models.scripted import Script, ScriptedBackend
from agp.project import Project
from agp.rspl.registry import Registry
from agp.store.database import Database

Attempt = Callable[["Yard"], str]
"""Tries an attack; what the host saw where it succeeded, or nothing."""


@dataclass(frozen=True, kw_only=True)
class GateAttack:
    """One attack on the gate and what surrounds it.

    ``attempt`` tries it on agp; ``naive`` on a gate without the defence, where it must succeed
    (None where there is nothing to compare with).
    """

    name: str
    tries: str
    attempt: Attempt
    naive: Attempt | None = None


class Yard:
    """A folder for projects on scripted models. Use as a context manager."""

    def __init__(self) -> None:
        self.token = f"canary{secrets.token_hex(8)}"
        self.folder = Path(tempfile.mkdtemp(prefix="agp-yard-"))
        self._opened: list[Project] = []
        self._keys: str | None = None

    def __enter__(self) -> Yard:
        self._keys = os.environ.get("AGP_KEYS")
        os.environ["AGP_KEYS"] = str(self.folder / "keys")
        return self

    def __exit__(self, *_: object) -> None:
        for project in self._opened:
            project.close()
        if self._keys is None:
            os.environ.pop("AGP_KEYS", None)
        else:
            os.environ["AGP_KEYS"] = self._keys
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def mark(self) -> Path:
        """A file that only code in the host's process can make."""
        return self.folder / "mark"

    def marked(self) -> str:
        """What the host sees where code that must not run here did."""
        return "its code ran in the host" if self.mark.exists() else ""

    def project(
        self, script: Script = lambda _: "nothing", folder: str = "project", **settings: Any
    ) -> Project:
        """A project on a model that follows a script; the same folder is the same project."""
        path = self.folder / folder
        path.mkdir(exist_ok=True)
        backends = {"scripted": ScriptedBackend(script)}
        made = Project(path, model="scripted/model", backends=backends, **settings)
        self._opened.append(made)
        return made

    def registry(self) -> Registry:
        """The registry of an otherwise empty project."""
        return self.project().registry

    def stored(self) -> bytes:
        """All that any file of the yard holds, byte by byte."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return b"\n".join(path.read_bytes() for path in files)


def clean(database: Database) -> bool:
    """Whether the log of a store shows no sign of tampering."""
    with database.read() as session:
        return not check_store(session, vouched=vouched_for()).findings


def tamper(database: Database, statement: str, **values: Any) -> int:
    """Change a store behind agp's back, as somebody with the file could; how many rows changed."""
    path = database.engine.url.database
    assert path
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as raw, raw:
        return raw.execute(statement, values).rowcount
