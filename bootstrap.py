"""Set up a private environment for this checkout and start something in it.

    python3 bootstrap.py quickstart [arguments of `agp quickstart`]
    python3 bootstrap.py test [arguments of pytest]

Standard library only. The environment is `.venv` here (AGP_VENV names another place); it is
made once and again when pyproject.toml or Python changes. The syntax of this file is that of
old Pythons on purpose, so that they reach the message that says which one is needed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
OLDEST = (3, 11)
EXTRAS = {"quickstart": frozenset({"local", "benchmarks"}), "test": frozenset({"dev"})}
CONTAINED = {"dev": frozenset({"local", "benchmarks", "postgres"})}
RUNTIME = "llama-cpp-python"
NO_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
HEARTBEAT_S = 20
TAIL_LINES = 25
INTERRUPTED = 130
STARTED = time.monotonic()


class StepError(Exception):
    """A step failed: the message says what to do, ``code`` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: Sequence[str]) -> int:
    """Run one command; return the exit code: 0 ok, 1 or the step's own, 2 usage, 130 Ctrl-C."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    if not arguments or arguments[0] not in EXTRAS:
        print(__doc__, file=sys.stderr)
        return 2
    command, rest = arguments[0], list(arguments[1:])
    try:
        check_python(sys.version_info[:2])
        venv = Path(os.environ.get("AGP_VENV") or ROOT / ".venv").expanduser().absolute()
        python = ensure_environment(venv, EXTRAS[command])
        steps = quickstart_steps if command == "quickstart" else test_steps
        for title, line, where in steps(python, rest):
            run_step(title, line, where, activated(python))
    except StepError as failure:
        print(failure, file=sys.stderr, flush=True)
        return failure.code
    except KeyboardInterrupt:
        print("\nStopped. The same command continues where it was.", file=sys.stderr)
        return INTERRUPTED
    return 0


# ------------------------------------------------------------------------------ what is run


def quickstart_steps(python: Path, rest: list[str]) -> list[tuple[str, list[str], Path]]:
    """Steps as (title, command line, working directory)."""
    agp = str(program(python, "agp"))
    here = Path.cwd()
    return [
        ("getting the model weights (1.1 GB, once)", [agp, "models", "pull"], here),
        ("quickstart", [agp, "quickstart", *rest], here),
    ]


def test_steps(python: Path, rest: list[str]) -> list[tuple[str, list[str], Path]]:
    """Steps as (title, command line, working directory), cheap ones first."""
    tool = [str(python), "-m"]
    agp = str(program(python, "agp"))
    return [
        ("lint", [*tool, "ruff", "check", "."], ROOT),
        ("format", [*tool, "ruff", "format", "--check", "."], ROOT),
        ("types", [*tool, "pyright"], ROOT),
        ("getting the model weights (1.1 GB, once)", [agp, "models", "pull"], ROOT),
        ("tests", [*tool, "pytest", "-q", *rest], ROOT),
    ]


def run_step(title: str, line: list[str], where: Path, env: Mapping[str, str]) -> None:
    """Run one step in the open. Raises StepError with the step's own exit code."""
    say(title)
    try:
        process = subprocess.Popen(line, cwd=where, env=dict(env))
    except OSError as error:
        raise StepError(f"Could not start {line[0]}: {error}") from error
    code = wait(process)
    if code:
        shown = " ".join(map(shlex.quote, [Path(line[0]).name, *line[1:]]))
        raise StepError(
            f"Failed: {title} (exit code {code}). The command was: {shown}",
            code=code if code > 0 else 128 - code,  # a signal, as shells report it
        )


# ------------------------------------------------------------------------- the environment


def check_python(version: tuple[int, ...]) -> None:
    """Raises StepError when Python is too old or cannot make virtual environments."""
    if tuple(version) < OLDEST:
        raise StepError(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; "
            f"this is {version[0]}.{version[1]} ({sys.executable}).\n"
            "Run this file with a newer one, for example: python3.11 bootstrap.py …",
            code=2,
        )
    if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
        raise StepError(
            "This Python cannot make virtual environments (the modules venv and ensurepip).\n"
            f"On Debian and Ubuntu: sudo apt install python{version[0]}.{version[1]}-venv",
            code=2,
        )


def ensure_environment(venv: Path, extras: frozenset[str]) -> Path:
    """Make the environment and install the project with ``extras``, unless that is done.

    Returns the environment's Python. Raises StepError with what to do.
    """
    python = program(venv_bin(venv) / "python", "python")
    version = probe(python)
    if version is None:
        say(f"creating the environment {venv}")
        create(venv)
        version = probe(python)
    if version is None:
        raise StepError(f"The environment {venv} does not work. Delete it and run this again.")
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        raise StepError(f"{venv} was made with Python {version}. Delete it and run this again.")
    stamp, mark = venv / ".agp-bootstrap", fingerprint(version)
    installed = read_stamp(stamp, mark)
    if extras <= installed:
        say(f"the environment {venv} is up to date")
        return python
    install(venv, python, extras)
    stamp.write_text("\n".join([mark, *sorted(extras | installed)]), encoding="utf-8")
    say("the environment is ready")
    return python


def fingerprint(version: str) -> str:
    """What an installation depends on: pyproject.toml, the Python version, this checkout."""
    project = (ROOT / "pyproject.toml").read_bytes()
    return hashlib.sha256(b"\0".join([project, version.encode(), str(ROOT).encode()])).hexdigest()


def read_stamp(stamp: Path, mark: str) -> frozenset[str]:
    """The extras installed under this fingerprint, with those they contain."""
    try:
        found, *extras = stamp.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return frozenset()
    if found != mark:
        return frozenset()
    return frozenset(extras).union(*(CONTAINED.get(extra, frozenset()) for extra in extras))


def probe(python: Path) -> str | None:
    """The version of an environment's Python; None when it is missing, broken or has no pip."""
    code = "import pip, platform; print(platform.python_version())"
    try:
        result = subprocess.run([str(python), "-c", code], capture_output=True, text=True)
    except OSError:
        return None
    return result.stdout.strip() or None if result.returncode == 0 else None


def create(venv: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "venv", str(venv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode:
        raise StepError(
            f"{result.stdout.strip()}\nThe environment {venv} could not be made.\n"
            "If ensurepip is what failed: on Debian and Ubuntu, sudo apt install "
            f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        )


def install(venv: Path, python: Path, extras: frozenset[str]) -> None:
    """Install the project in place with its extras; pip's words go to a log file."""
    runtime_missing = not has_package(python, RUNTIME)
    if runtime_missing:
        check_compiler()
    log = venv / "bootstrap.log"
    log.write_bytes(b"")
    say(f"upgrading pip (log: {log})")
    pip(python, ["install", "--upgrade", "pip"], log, "upgrading pip")
    say("installing the project and what it needs")
    if runtime_missing:
        say("  with the local model runtime built from source: about 4 minutes on two cores, once")
    target = f"{ROOT}[{','.join(sorted(extras))}]"
    pip(python, ["install", "--editable", target], log, "installing")


def has_package(python: Path, name: str) -> bool:
    code = f"import importlib.metadata as m; m.version({name!r})"
    return subprocess.run([str(python), "-c", code], capture_output=True).returncode == 0


def check_compiler() -> None:
    """Raises StepError when the runtime will have to be built and no compiler is to be found."""
    if os.name == "nt":
        return  # Visual Studio's compiler is found by CMake, not on the PATH
    for language, variable, names in (
        ("C", "CC", ("cc", "gcc", "clang")),
        ("C++", "CXX", ("c++", "g++", "clang++")),
    ):
        asked = shlex.split(os.environ.get(variable, ""))[:1]
        if not any(map(shutil.which, asked or names)):
            raise StepError(
                f"The local model runtime is built from source, and no {language} compiler was "
                f"found ({', '.join(asked or names)}).\n"
                "On Debian and Ubuntu: sudo apt install build-essential\n"
                "On macOS: xcode-select --install",
                code=2,
            )


def pip(python: Path, arguments: list[str], log: Path, doing: str) -> None:
    """Run pip with its output in ``log``. Raises StepError with the end of it."""
    line = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    with log.open("ab") as output:
        process = subprocess.Popen(
            line, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, env=build_environment()
        )
        code = wait(process, beat=lambda: say(f"  still {doing}{latest(log)}"))
    if code:
        raise StepError(
            f"{tail(log)}\n\npip failed (exit code {code}); all of its output is in {log}\n"
            "If it could not connect: check the network, the proxy and `pip config list`.\n"
            "If a compiler stopped: on Debian and Ubuntu, sudo apt install build-essential\n"
            "Then run the same command again; what is downloaded and built is kept."
        )


def build_environment(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """The process environment, with what the local model's runtime must be built with here.

    Processors with AMX are told of in virtual machines that do not let it be used: a runtime
    built for it dies of an illegal instruction. CMAKE_ARGS of one's own go before.
    """
    env = dict(os.environ)
    try:
        amx = "amx_tile" in cpuinfo.read_text(encoding="utf-8")
    except OSError:
        return env
    if amx and "CMAKE_ARGS" not in env:
        env["CMAKE_ARGS"] = f"-DCMAKE_C_FLAGS='{NO_AMX}' -DCMAKE_CXX_FLAGS='{NO_AMX}'"
    return env


def latest(log: Path) -> str:
    """What pip is at, from its log, in a few words."""
    matches = re.findall(
        r"^ *(Collecting [\w.-]+|Building \w+ for [\w.-]+|Installing collected packages)",
        log.read_text(encoding="utf-8", errors="replace"),
        re.MULTILINE,
    )
    return f": {matches[-1].strip()}" if matches else ""


def tail(log: Path) -> str:
    """The end of a log, without addresses: they may hold credentials."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = [line for line in lines if not line.startswith("Looking in ")]
    return re.sub(r"\w+://[^\s'\")>]+", "<address>", "\n".join(lines[-TAIL_LINES:]))


# ------------------------------------------------------------------------------ small tools


def venv_bin(venv: Path) -> Path:
    return venv / ("Scripts" if os.name == "nt" else "bin")


def program(python: Path, name: str) -> Path:
    """A program that lies beside an environment's Python."""
    return python.with_name(name + (".exe" if os.name == "nt" else ""))


def activated(python: Path) -> dict[str, str]:
    """The process environment with this virtual environment active."""
    folder = python.parent
    env = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
    env["VIRTUAL_ENV"] = str(folder.parent)
    env["PATH"] = str(folder) + os.pathsep + env.get("PATH", os.defpath)
    return env


def wait(process: subprocess.Popen[bytes], beat: Callable[[], None] | None = None) -> int:
    """Wait for a process, calling ``beat`` at intervals; on Ctrl-C let it end, then re-raise."""
    try:
        while True:
            try:
                return process.wait(timeout=HEARTBEAT_S if beat else None)
            except subprocess.TimeoutExpired:
                if beat:
                    beat()
    except KeyboardInterrupt:
        end(process)
        raise


def end(process: subprocess.Popen[bytes]) -> None:
    """The terminal has sent Ctrl-C to the child too: give it time, then insist."""
    for insist in (process.terminate, process.kill):
        try:
            process.wait(timeout=10)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            insist()
    process.wait()


def say(text: str) -> None:
    minutes, seconds = divmod(int(time.monotonic() - STARTED), 60)
    print(f"[{minutes:2d}:{seconds:02d}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
