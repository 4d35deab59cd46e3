"""Fixtures shared by all tests: stores on both databases, and a project with a scripted model."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from agp.models.scripted import Script, ScriptedBackend
from agp.project import Project
from agp.rspl.history import History
from agp.store.database import Database

POSTGRES = os.environ.get("AGP_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test")


@pytest.fixture(scope="session", autouse=True)
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Audit keys of the tests' own: the user's are never touched."""
    folder = tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGP_KEYS", str(folder))
        yield folder


def _postgres_schema() -> Iterator[str]:
    """A URL into a fresh schema of the test database, dropped afterwards."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    engine = create_engine(POSTGRES, connect_args={"connect_timeout": 3})
    schema = f"agp_{uuid.uuid4().hex[:12]}"
    try:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError as error:
        if "AGP_TEST_POSTGRES" in os.environ:
            raise
        pytest.skip(f"no PostgreSQL at {engine.url.host}:{engine.url.port}: {error.orig}")
    yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store can be made, on each database."""
    if request.param == "sqlite":
        yield str(tmp_path / "store.db")
    else:
        yield from _postgres_schema()


@pytest.fixture
def database(location: str) -> Iterator[Database]:
    """An empty store, on each database."""
    database = Database(location)
    yield database
    database.close()


@pytest.fixture
def history(database: Database) -> History:
    """The history of an empty store."""
    return History(database)


MakeProject = Callable[..., Project]


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[MakeProject]:
    """Opens a project in a temporary folder on a scripted model; again and again, if need be."""
    opened: list[Project] = []

    def make(script: Script, folder: str = "project", **settings: Any) -> Project:
        backend = ScriptedBackend(script)
        project = Project(
            tmp_path / folder, model="scripted/model", backends={"scripted": backend}, **settings
        )
        opened.append(project)
        return project

    yield make
    for project in opened:
        project.close()
