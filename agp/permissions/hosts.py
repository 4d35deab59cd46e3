"""Which host a URL leads to, whatever was done to hide it.

Programs disagree on strange URLs (a backslash, two ``@``); here all readings count.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

_SPECIAL = re.compile(r"(?:https?|wss?|ftps?):[\\/]*", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?=[\\/]{2})|(?=[\\/]{2})", re.IGNORECASE)
_PORT = re.compile(r":\d*$")
_EMBEDDED = re.compile(r"[a-z][a-z0-9+.-]*:[\\/]{2}[^\s'\"<>]+", re.IGNORECASE)
_DEFAULT_PORTS = {"http": ":80", "https": ":443", "ws": ":80", "wss": ":443", "ftp": ":21"}


def is_url(text: str) -> bool:
    """Whether a whole text reads as a URL: ``scheme://…``, ``//host`` or ``https:host``."""
    text = _cleaned(text)
    return bool(_SCHEME.match(text) or _SPECIAL.match(text)) and not text.lower().startswith(
        "file:"
    )


def hosts_of(text: str) -> frozenset[str]:
    """Every host that a URL, or ``host:port/path`` without a scheme, could mean.

    An empty text stands for one that cannot be read: no scope holds it.
    """
    rest = _SPECIAL.sub("", cleaned := _cleaned(text), count=1)
    if rest == cleaned:
        rest = _SCHEME.sub("", cleaned, count=1).lstrip("\\/")
    return frozenset(normal_host(host) for host in _readings(rest))


def urls_in(text: str) -> list[str]:
    """The URLs inside a longer text (a command line)."""
    return _EMBEDDED.findall(text)


def normal_url(text: str) -> str:
    """``HTTP://User@Host.:80/a/../b`` → ``http://host/b``; empty for what is no URL."""
    cleaned = _cleaned(text).replace("\\", "/")
    scheme, separator, rest = cleaned.partition("://")
    if not separator or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme, re.IGNORECASE):
        return ""
    scheme = scheme.lower()
    authority, slash, path = rest.partition("/")
    host_port = authority.rpartition("@")[2]
    port = match[0] if (match := _PORT.search(host_port)) else ""
    host = normal_host(host_port.removesuffix(port))
    port = "" if port in (":", _DEFAULT_PORTS.get(scheme)) else port
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", ".", ".."):
            parts.append(part)
    tail = "/".join(parts) + ("/" if path.endswith("/") and parts else "")
    return f"{scheme}://{host}{port}{slash}{tail}"


def normal_host(host: str) -> str:
    """One spelling for a host: lower case, Punycode, no last dot; addresses in their usual form."""
    while (simpler := _simpler_host(host)) != host:  # what one step uncovers, the next may read
        host = simpler
    return host


def _simpler_host(host: str) -> str:
    host = unicodedata.normalize("NFKC", unquote(host)).strip().lower().rstrip(".")
    host = re.sub("[\u3002\uff0e\uff61]", ".", host)
    if host.startswith("["):
        host = host.lstrip("[").partition("]")[0].partition("%")[0].strip().rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _address(host) or _punycode(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _readings(rest: str) -> Iterator[str]:
    for ends in (r"[/?#\\]", r"[/?#]"):
        authority = re.split(ends, rest, maxsplit=1)[0]
        for part in {authority, *authority.split("@")[1:]} if "@" in authority else {authority}:
            if "@" in part:
                continue
            yield _host(part)


def _host(part: str) -> str:
    if part.startswith("["):
        return part.partition("]")[0] + "]"
    return _PORT.sub("", part)


def _address(host: str) -> str:
    """An IPv4 address in a form that system calls take too: 2130706433, 0x7f.1, 017700000001."""
    if not re.fullmatch(r"[0-9a-fx.]+", host) or not host[:1].isdigit():
        return ""
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return ""


def _punycode(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _cleaned(text: str) -> str:
    """Without what programs leave out of URLs before they read them."""
    text = unicodedata.normalize("NFKC", text).strip()
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf"))
