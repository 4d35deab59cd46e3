"""Which files may be read and written: Landlock rules, as many as the kernel knows."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from .kernel import call

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 16, 32, 128, 256, 4096
_REFER, _TRUNCATE = 8192, 16384

READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
USE = READ_FILE | WRITE_FILE
OWN = (
    READ
    | WRITE_FILE
    | _REMOVE_DIR
    | _REMOVE_FILE
    | _MAKE_DIR
    | _MAKE_REG
    | _MAKE_SYM
    | _REFER
    | _TRUNCATE
)
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE

Rule = tuple[str, int]
"""A path and the rights below it."""


def version() -> int:
    """The kernel's version of Landlock, 0 where there is none."""
    try:
        return call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    except OSError:
        return 0


def _handled(abi: int) -> int:
    """All rights on files that a version can take away."""
    return (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1


def apply(rules: Iterable[Rule], abi: int) -> None:
    """Take away every right but those of ``rules`` for good; paths that do not exist are left out.

    From version 4 no TCP port, from version 6 no signal and no abstract unix socket outside.
    Needs ``no_new_privs``. Raises OSError.
    """
    handled = _handled(abi)
    attributes = struct.pack("<Q", handled)
    if abi >= 4:
        attributes += struct.pack("<Q", 3)
    if abi >= 6:
        attributes += struct.pack("<Q", 3)
    ruleset = call(
        _CREATE,
        ctypes.c_char_p(attributes),
        ctypes.c_size_t(len(attributes)),
        ctypes.c_uint32(0),
    )
    try:
        for path, rights in rules:
            _add(ruleset, path, rights & handled)
        call(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _add(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _OF_FILES
        attribute = struct.pack("<Qi", rights, place)
        call(
            _ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(1),
            ctypes.c_char_p(attribute),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(place)
