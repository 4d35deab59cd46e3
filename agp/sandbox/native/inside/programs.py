"""Runs one program: confines the fresh interpreter that it is started in, then becomes it."""

from __future__ import annotations

import json
import os
import sys
import traceback
import types

from . import landlock, reach
from .confine import confine, drop_bounds, limit
from .shown import builtins_of_site, real_names, show


def main() -> None:
    """Started with the settings as JSON and the program's command line."""
    settings = json.loads(sys.argv[1])
    name, command = sys.argv[2], sys.argv[2:]
    shell = not name.endswith(".py")
    granted = [(place, landlock.READ) for place in settings["packages"].values()]
    show(settings["packages"])
    builtins_of_site()
    real_names()
    try:
        limit(settings["limits"], settings["identity"])
        drop_bounds()
        confine(
            settings,
            [*reach.fine(), *granted, *(reach.programs() if shell else ())],
            folder=os.getcwd(),
            parent=settings["parent"],
            shell=shell,
        )
    except BaseException as error:
        print(f"{settings['broken']}{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    if shell:
        os.execv(name, command)
    _become(name, command)


def _become(name: str, command: list[str]) -> None:
    here = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    sys.path[:] = [os.path.dirname(name), *(path for path in sys.path if path != here)]
    sys.dont_write_bytecode = True
    for loaded in [each for each in sys.modules if each.partition(".")[0] == "inside"]:
        del sys.modules[loaded]
    sys.argv[:] = command
    sys.modules["__main__"] = main = types.ModuleType("__main__")
    main.__file__ = name
    main.__dict__["__builtins__"] = __builtins__
    with open(name, encoding="utf-8", newline="") as stream:
        source = stream.read()
    try:
        exec(compile(source, name, "exec"), main.__dict__)
    except Exception as error:
        # The first frame is this function's.
        frames = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, frames)
        sys.exit(1)
