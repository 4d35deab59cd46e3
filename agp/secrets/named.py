"""Secrets that a name gives away: ``api_key = "…"``, ``Authorization: …``, ``Password=…;``.

The name is found first (its last word is an anchor), then what stands between it and the value.
The same names are looked for as keys of structured data.
"""

from __future__ import annotations

import re
from functools import lru_cache

from agp.secrets.plausible import Strength, is_basic, is_placeholder, is_secret

_PASSWORD, _KEY, _TOKEN = Strength.PASSWORD, Strength.KEY, Strength.TOKEN

NAMES: dict[bytes, Strength] = {
    **dict.fromkeys((b"password", b"passwd", b"passphrase", b"passcode", b"pwd"), _PASSWORD),
    **dict.fromkeys((b"secret", b"credential", b"credentials", b"secret_key_base"), _KEY),
    **dict.fromkeys(
        tuple(
            word + joint + b"key"
            for word in b"api access secret private auth account signing encryption master client"
            b" subscription functions shared_access sharedaccess ssh service".split()
            for joint in (b"", b"_", b"-")
        ),
        _KEY,
    ),
    b"apikeys": _KEY,
    b"api_keys": _KEY,
    b"token": _TOKEN,
}
"""Last words of names, in lower case, and how much they promise."""

HEADERS = (b"authorization", b"cookie")
AUTHS = (b"_auth", b'"auth')
"""Names whose value is base64 of ``user:password`` (npm's and Docker's configuration)."""

_TAIL = rb"(?:[_-]?\d{1,2}|[_-](?:prod|dev|test|live|staging|rw|ro|value))?"
_CLOSED = rb"(?:\\*[\"'`]\]?|\])?"
_TYPED = rb":\s*(?:str|bytes|Final|Optional|SecretStr|string|String)[\w\[\]| .]{0,30}=(?!=)"
_BETWEEN = re.compile(
    _TAIL + rb"(?:" + _CLOSED + rb"[ \t]*(?:" + _TYPED + rb"|=>|:=|={1,3}|:(?!:)|%3[aAdD])[ \t]*"
    rb"|\\*[\"'`]\s*,\s*(?=\\*[\"'`])"  # setenv("NAME", "value")
    rb"|>(?=[^<\n]+</)|[ \t]+(?=\S))"  # XML; an option of a command line
)
_QUOTED = re.compile(
    rb"[rbfu]{0,2}(?:([\"'`])(?P<plain>(?:\\.|(?!\1)[^\\\n]){1,1024})\1"
    rb"|(?P<mark>\\+[\"'`])(?P<escaped>(?:\\{3,}[\"'`]|(?!(?P=mark))[^\n]){1,1024}?)(?P=mark))"
)
_BARE = re.compile(rb"\\*[\"'`]?(?P<bare>[^\s\"'`<>;&\\]{4,160})")
_REST = re.compile(rb"[^\s\"'`<>;&\\]+")
_LONGEST_BARE = 160
_TRAILING = b")]}.:,"
_OPTION = re.compile(rb"(?:^|[\s\"'])--?[\w-]*$")
_AUTHORIZED = re.compile(rb"(?:[A-Za-z][\w-]* +)?([^\s\"'\\,;]{8,})")
_COOKIES = re.compile(rb"[\w.-]+=[^\s\"'\\;]{8,}[^\n\"'\\]*")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Span = tuple[int, int]


def value_after(data: bytes, start: int, end: int, name: bytes) -> Span | None:
    """Where the secret that belongs to a name at ``start:end`` lies, if there is one."""
    between = _BETWEEN.match(data, end)
    if between is None:
        return None
    if between[0].isspace() and not _OPTION.search(data, max(0, start - 40), start):
        return None
    if name in HEADERS:
        return _header(data, between.end(), name)
    quoted = _QUOTED.match(data, between.end())
    if quoted is not None:
        group = "plain" if quoted["plain"] is not None else "escaped"
        listed = b"," in between[0]  # of a list of words, any may follow
        return _judged(quoted[group], quoted.span(group), name, quoted=not listed)
    bare = _BARE.match(data, between.end())
    if bare is None:
        return None
    value = bare["bare"].rstrip(_TRAILING)
    first = bare.start("bare")
    enclosed = between[0].endswith(b">")
    span = _judged(value, (first, first + len(value)), name, quoted=enclosed)
    if span and len(bare["bare"]) == _LONGEST_BARE and (rest := _REST.match(data, bare.end())):
        return first, rest.end()
    return span


def _judged(value: bytes, span: Span, name: bytes, *, quoted: bool) -> Span | None:
    if name in AUTHS:
        return span if is_basic(value) else None
    return span if is_secret(value, NAMES[name], quoted=quoted) else None


def _header(data: bytes, at: int, name: bytes) -> Span | None:
    while data[at : at + 1] in (b'"', b"'", b"\\", b" ", b"["):
        at += 1
    if name == b"cookie":
        found = _COOKIES.match(data, at)
        return found.span() if found and not is_placeholder(found[0]) else None
    found = _AUTHORIZED.match(data, at)
    if found is None or not is_secret(found[1], Strength.TOKEN, quoted=False):
        return None
    return found.span(1)


def is_secret_name(key: str) -> bool:
    """Whether a key of structured data promises that its value is secret."""
    return _word_of(key) is not None


def is_secret_value(key: str, value: str) -> bool:
    """Whether the value of a key of structured data is a secret."""
    word, data = _word_of(key), value.encode("utf-8", "surrogatepass")
    if word is None:
        return False
    if word in HEADERS:
        return _header(data, 0, word) is not None
    if word in AUTHS:
        return is_basic(data)
    return is_secret(data, NAMES[word], quoted=True)


@lru_cache(maxsize=4096)
def _word_of(key: str) -> bytes | None:
    if len(key) > 128 or not key.isascii():
        return None
    low = _CAMEL.sub("_", key).lower().rstrip("0123456789").rstrip("_-").encode()
    if low in (b"auth", b"_auth"):
        return AUTHS[0]
    words = (word for word in (*HEADERS, *NAMES) if low.endswith(word))
    return max(words, key=len, default=None)
