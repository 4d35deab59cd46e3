"""Ed25519 keys: the writer key of this user and machine, the writers trusted here, key pairs.

The writer key is made on first use in the user's configuration folder (or ``AGP_KEYS``), readable
by the user only. It says where an entry came from; it is no protection from a process that runs as
the same user. Checkpoints are signed with a key made by `make_pair` and kept elsewhere.
"""

from __future__ import annotations

import contextlib
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agp.audit.entries import is_hex_64
from agp.audit.files import read_bytes, save_new, write_new
from agp.errors import InputError, StoreError

VARIABLE = "AGP_KEYS"
_WRITER, _TRUSTED = "writer.key", "trusted"
_PRIVATE = 0o600


class Key(NamedTuple):
    """A private key and its public half (hex)."""

    private: Ed25519PrivateKey
    public: str


class Trusted(NamedTuple):
    """A writer key that the user vouches for; ``note`` says whose it is."""

    public: str
    note: str


def keys_folder() -> Path:
    """Where this user's keys are."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).expanduser()
    from platformdirs import user_config_path

    return user_config_path("agp") / "keys"


def writer_key() -> Key:
    """The key that this process signs entries with; made if this user has none on this machine.

    Raises StoreError when it cannot be made or read.
    """
    return _writer_key(keys_folder() / _WRITER)


@lru_cache(maxsize=8)
def _writer_key(path: Path) -> Key:
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # another process was first: use its key
                write_new(path, [_pem(Ed25519PrivateKey.generate())], mode=_PRIVATE)
    except OSError as error:
        raise StoreError(
            f"The key that signs audit entries cannot be made: {path}: {error.strerror}.",
            hint=f"Set {VARIABLE} to a folder that you can write to.",
        ) from error
    try:
        return load_private(path)
    except InputError as error:
        raise StoreError(
            f"The key that signs audit entries is damaged: {error.message}",
            hint=f"Restore {path}, or move it away: a new one is made, and what the old one wrote "
            "stays provable with: agp audit trust OLD-PUBLIC-KEY",
        ) from error


def own_public() -> str | None:
    """The public half of the writer key, if this user has one on this machine."""
    return writer_key().public if (keys_folder() / _WRITER).exists() else None


def trusted() -> list[Trusted]:
    """The writers that this user added. Raises InputError naming a line that is no key."""
    path = keys_folder() / _TRUSTED
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    found: list[Trusted] = []
    for number, line in enumerate(lines, 1):
        key, _, note = line.strip().partition(" ")
        if key and not is_hex_64(key):
            raise InputError(
                f"{path}, line {number}: not a public key: {key[:80]!r}.",
                hint="A line is 64 lower-case hex digits and, after a space, whose key it is.",
            )
        found += [Trusted(key, note.strip())] if key else []
    return found


def vouched_for() -> frozenset[str]:
    """Every writer key that this user vouches for: the own one, and those that were added."""
    own = own_public()
    return frozenset({each.public for each in trusted()} | ({own} if own else set[str]()))


def trust(public: str, note: str = "") -> bool:
    """Vouch for a writer key (hex); whether it is new. Raises InputError."""
    if public in vouched_for():
        return False
    path = keys_folder() / _TRUSTED
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{public} {' '.join(note.split())}".rstrip() + "\n")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    return True


def make_pair(path: Path) -> str:
    """Make a key pair: the private half at ``path`` (PEM, readable by the user only), the public
    half at ``path`` + ``.pub``. Nothing is overwritten. Returns the public half. Raises InputError.
    """
    private = Ed25519PrivateKey.generate()
    public = _hex(private)
    beside = path.with_name(path.name + ".pub")
    if beside.exists():
        raise InputError(f"{beside} exists already.", hint="Name another file.")
    save_new(path, [_pem(private)], mode=_PRIVATE)
    save_new(beside, [f"{public}\n".encode()])
    return public


def load_private(path: Path) -> Key:
    """The private key in a PEM file. Raises InputError."""
    content = read_bytes(path, "key file")
    hint = "Make a key pair with: agp audit keygen FILE"
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except TypeError as error:
        raise InputError(f"{path} is protected by a passphrase.", hint=hint) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} holds no private key in PEM form.", hint=hint) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path} holds a key of another kind than Ed25519.", hint=hint)
    return Key(key, _hex(key))


def read_public(text: str) -> str:
    """The public key that ``text`` is, or that the file it names holds. Raises InputError."""
    if is_hex_64(text.strip().lower()):
        return text.strip().lower()
    content = read_bytes(Path(text).expanduser(), "public key (64 hex digits), nor a file called")
    found = content.decode("utf-8", "replace").strip().lower()
    if not is_hex_64(found):
        raise InputError(
            f"{text} holds no public key.",
            hint="A public key is 64 hex digits, as agp audit keygen writes to FILE.pub.",
        )
    return found


def signed(public: str, signature: str, content: bytes) -> bool:
    """Whether ``signature`` (128 lower-case hex digits) is that of ``content`` by ``public``."""
    try:
        raw = bytes.fromhex(signature)
        if raw.hex() != signature:
            return False
        _public_key(public).verify(raw, content)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=256)
def _public_key(public: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _hex(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()
