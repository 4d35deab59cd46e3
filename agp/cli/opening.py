"""Opening a project for a command, and closing it whatever happens."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from agp.cli.asking import terminal
from agp.cli.options import MAIN, Models, Permission, Place

if TYPE_CHECKING:
    from agp.project import Project
    from agp.store.database import Database


@contextmanager
def opened(
    place: Place,
    models: Models | None = None,
    *,
    reflector: str | None = None,
    critic: str | None = None,
    branch: str = MAIN,
    create: bool = False,
    permissions: Permission | None = None,
) -> Generator[Project]:
    """The project of a command; the person at the terminal is asked what its policy asks.

    A branch must exist: only what is said to make one does. Hints of errors that name another
    command of this project are completed, so that they can be typed as they stand.
    """
    from agp.errors import AgpError
    from agp.project import Project

    _check(place)
    models = models or Models()
    try:
        with Project(
            place.project,
            store=place.store,
            model=models.model,
            reflector=reflector,
            critic=critic,
            api_base=models.api_base,
            branch=branch,
            create=create,
            permissions=permissions.value if permissions else None,
            ask=terminal(),
        ) as project:
            for rid, why in project.registry.unavailable.items():
                typer.echo(f"Left out for now: {rid}: {why}", err=True)
            yield project
    except AgpError as error:
        if error.hint:
            for command in ("agp resume", "agp log", "agp trace list"):
                error.hint = error.hint.replace(command, command + place.flags)
        raise


@contextmanager
def opened_store(place: Place, *, migrate: bool = True) -> Generator[Database]:
    """The store of a command, without its project: nothing is read from folders."""
    from agp.config import read_config, store_location
    from agp.store.database import Database

    _check(place)
    folder = place.project.resolve()
    location = store_location(folder, place.store, read_config(folder))
    database = Database(location, create=False, migrate=migrate)
    try:
        yield database
    finally:
        database.close()


def _check(place: Place) -> None:
    from agp.errors import InputError

    if not place.project.is_dir():
        raise InputError(
            f"There is no folder {place.project}.", hint="Make a project with: agp init DIR"
        )
