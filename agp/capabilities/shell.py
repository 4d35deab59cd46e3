"""What a shell script could do: its commands, the variables it reads, where it writes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agp.capabilities.texts import in_text, label, secret_like, words

_CUT = re.compile(r"[\n;|&(){}`]+|\$\(")
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*\+?=")
_VARIABLE = re.compile(r"\$\{?([A-Z_][A-Z0-9_]*)\b")
_REDIRECTED = re.compile(r"(?<![<\d=-])\d?>{1,2}\s*(?!&|/dev/null|>)\S")
_COMMAND = re.compile(r"[\w./~$][\w./+${}~-]*")
_KEYWORDS = words("case do done elif else esac fi for function if in select then until while !")
_BEFORE = words("command doas env exec nice nohup setsid stdbuf sudo time timeout xargs")
_NETWORK = words(
    "aria2c curl dig fetch ftp git host http nc ncat netcat nmap npm npx nslookup openssl pip pip3 "
    "ping rsync scp sftp socat ssh telnet uv uvx wget"
)
_DYNAMIC = words(
    ". ash awk bash dash eval fish ksh node perl php python python3 ruby sh source trap zsh"
)


def in_shell(script: str) -> Iterator[str]:
    """The capabilities of a script."""
    yield from in_text(script)
    bare = _COMMENT.sub("", script)
    for piece in _CUT.split(bare):
        yield from _commands(piece.split())
    for match in _VARIABLE.finditer(bare):
        yield label("env", match[1])
        if secret_like(match[1]):
            yield label("secret", match[1])
    if _REDIRECTED.search(bare):
        yield "file:write"


def of_command(command: str) -> Iterator[str]:
    """The capabilities that come with a program's name."""
    yield label("command", command)
    name = command.rpartition("/")[2]
    if name in _NETWORK:
        yield "network"
    if name in _DYNAMIC or "$" in command:
        yield label("dynamic", name)


def _commands(given: list[str]) -> Iterator[str]:
    """The commands a simple command runs: the first word, and what follows a ``sudo``."""
    for word in given:
        plain = word.strip("\"'\\")
        if plain in _KEYWORDS or _ASSIGNED.match(plain) or word.startswith(("-", "<", ">")):
            continue
        if _COMMAND.fullmatch(plain):
            yield from of_command(plain)
        if plain not in _BEFORE:
            return
