"""Whole programs, confined, with the signature of `agp.processes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agp.processes import Limits, ProcessResult
from agp.sandbox.choose import run_program
from agp.sandbox.interface import Program, Strength
from agp.sandbox.packages import default_packages

_MAIN = "main.py"


async def run_python(
    code: str,
    *,
    stdin: str = "",
    files: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    packages: Sequence[str] | None = None,
    least: Strength = Strength.STRONG,
) -> ProcessResult:
    """Run ``code`` as ``__main__`` of a fresh, confined interpreter; never hangs.

    Parameters: ``stdin`` is what the code may read, followed by end of file; ``files`` maps
    relative paths to texts laid beside ``main.py`` (importable); ``limits`` default to
    ``Limits()``; ``packages`` are the installed distributions it may import beside the standard
    library, with what they require (default: numpy). It can start no other program, reach no
    network, and read and write no file but those of its folder; it sees no environment. Cancelling
    the call kills the process.

    Raises InputError for a file name that leaves the folder or an unknown package, and
    SandboxRefused where nothing as strong as ``least`` works. Whatever the code does is a result,
    not an exception.
    """
    everything = {**(files or {}), _MAIN: code}
    return await run_files(
        everything, _MAIN, stdin=stdin, limits=limits, packages=packages, least=least
    )


async def run_files(
    files: Mapping[str, str],
    entry: str,
    arguments: Sequence[str] = (),
    *,
    stdin: str = "",
    limits: Limits | None = None,
    packages: Sequence[str] | None = None,
    least: Strength = Strength.STRONG,
) -> ProcessResult:
    """Run one of ``files`` with command-line ``arguments`` in a fresh folder that holds them all.

    Parameters: ``entry`` is a path among ``files`` that ends in ``.py`` or ``.sh``; the working
    folder is that of all files, and a Python program imports from its own. A shell script may run
    the system's programs, confined as it is. Otherwise as `run_python`.
    """
    program = Program(
        files=files,
        entry=entry,
        arguments=arguments,
        stdin=stdin,
        packages=default_packages() if packages is None else packages,
    )
    done = await run_program(program, limits, least=least)
    outcome = "error" if done.outcome in ("lost", "refused") else done.outcome
    stderr = done.stderr or (done.error if outcome == "error" else "")
    return ProcessResult(outcome, done.exit_code, done.stdout, stderr, done.duration_s)
