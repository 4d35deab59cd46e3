"""Hosts, paths and references to secrets that stand in a text, in whatever language it is."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import posixpath
import re
import unicodedata
from collections.abc import Iterator


def words(text: str) -> frozenset[str]:
    """The words of a table."""
    return frozenset(text.split())


_LONGEST = 160
_LONGEST_HOST = 253
_URL = re.compile(
    r"\b(?:(?:https?|wss?|ftps?):[\\/]+|[a-z][a-z0-9+.-]{1,20}:(?:\\?/){2})([^\s/\\?#'\"<>`|]+)",
    re.I,
)
_SCHEME_RELATIVE = re.compile(r"(?:^|[\s'\"(=])//([\w-]+(?:\.[\w-]+)+)")
_DOMAIN = re.compile(
    r"(?<![\w.@/\\+-])(?:[\w.+-]{1,64}@)?((?:[a-z0-9-]+\.)+([a-z]{2,24}))\b(?![\w(-]|\.\w)", re.I
)
_ANY_DOMAIN = re.compile(
    r"(?<![\w.@/\\+-])(?:[\w.+-]{1,64}@)?((?:[\w-]+\.)+([^\W\d_]{2,24}))(?![\w(-]|\.\w)"
)
"""A domain in whatever letters; most of what it finds is prose without a space."""
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
_LOOKALIKES = str.maketrans("аеорсухіѕјԁһӏԛԝоаνρⅼ", "aeopcyxisjdhlqwoavpl")
_IPV4 = re.compile(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.]*\w)")
_LOCAL = re.compile(r"\blocalhost\b", re.I)
_ABSOLUTE = re.compile(r"(?<![\w.:/\\<~)\]}-])/+(?:[\w.@+%-]+/*)+")
_ROOTS = words(
    "app bin boot data dev etc home lib lib32 lib64 library media mnt nix opt private proc root "
    "run sbin snap srv sys system tmp users usr var volumes work workspace"
)
_HOME = re.compile(
    r"(?<![\w~])~[\w-]*/[\w./@+-]*|\$\{?HOME\b\}?[\w./@+-]*|%(?:USERPROFILE|APPDATA)%"
)
_UP = re.compile(r"(?<![\w.])\.\.[/\\][\w./\\-]*|(?<=[/\\])\.\.(?![\w.])")
_WINDOWS = re.compile(r"(?<!\w)[a-z]:[\\/][\w.$\\/ -]*|(?<![\w\\])\\\\[\w.-]+\\[\w.$\\-]+", re.I)
_REFERENCE = re.compile(r"\$\{(?:env:)?([A-Za-z_]\w*)(?::?[-=+?][^}]{0,200})?\}", re.ASCII)
_SECRET = re.compile(
    r"(?i)(^|_)(token|secret|password|passwd|pwd|credentials?|cookie|auth|authorization|"
    r"(api)?key|pat|dsn)(_|$)"
)
_TLDS = words(
    "ai app arpa at au be biz br ca cc ch cloud club cn co com cz de dev dk edu es eu example fi "
    "fr gg gov ie il in info int internal invalid io it jp kr land link live lan local me mil mx "
    "name net news nl no nz onion online org page pl pro pt ru se site space store tech test "
    "to top tr tv tw ua uk us world ws xyz zone"
)
_FOREIGN_TLDS = words(
    "бел бг дети каз мкд мон москва онлайн орг рус рф сайт срб укр ком 中国 中國 中文网 公司 台湾 "
    "台灣 商城 在线 我爱你 新加坡 网址 网站 网络 香港 コム みんな ストア 닷컴 닷넷 한국 삼성 ευ ελ"
)
_EXTENSIONS = words(
    "bin bz2 c cfg cpp css csv db doc docx exe gif go gz h html ini ipynb java jpeg jpg js json "
    "jsonl lock log md mp3 mp4 parquet pdf pem php pkl pl png ppt py pyc rb rs rst sh so sql "
    "sqlite svg tar tex toml ts tsv txt wasm wav xls xlsx xml yaml yml zip"
)


def in_text(text: str) -> Iterator[str]:
    """The ``host:``, ``path:`` and ``secret:`` labels of a text."""
    yield from _hosts(text)
    yield from _paths(text)
    for match in _REFERENCE.finditer(text):
        yield label("secret", match[1])


def in_literal(text: str) -> Iterator[str]:
    """As `in_text`, for a whole value: a string literal, an argument, an entry of a setting."""
    yield from in_text(text)
    value = text.strip()
    if value and len(value) <= 255:
        yield from _whole(value)


def secret_like(name: str) -> bool:
    """Whether a variable's name is that of a secret."""
    return _SECRET.search(name) is not None


def label(kind: str, value: str) -> str:
    """``kind:value``, bounded; two long values never share a label."""
    value = " ".join(value.split())
    if len(value) > _LONGEST:
        mark = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        value = f"{value[:_LONGEST]}…{mark}"
    return f"{kind}:{value}"


def _whole(value: str) -> Iterator[str]:
    with contextlib.suppress(ValueError):
        yield label("host", str(ipaddress.ip_address(value.strip("[]"))))
    name, _, port = value.partition(":")
    domain = _DOMAIN.fullmatch(name)
    if domain and (port.isdigit() or not port) and domain[2].lower() not in _EXTENSIONS:
        yield label("host", domain[1].lower())
    if value in ("~", "..") or value.startswith(("../", "~/")):
        yield label("path", value)
    elif value.startswith("/") and len(value) > 1 and re.match(r"/+[\w.]", value):
        yield label("path", _normal(value))


def _hosts(text: str) -> Iterator[str]:
    yield from _hosts_as_written(text)
    if not text.isascii():  # what programs read as dots and letters, or do not read at all
        plain = unicodedata.normalize("NFKC", text).translate(_DOTS)
        plain = "".join(each for each in plain if unicodedata.category(each) != "Cf")
        if plain != text:
            yield from _hosts_as_written(plain)
        for match in _ANY_DOMAIN.finditer(plain):
            ending = match[2].lower()
            known = ending in _FOREIGN_TLDS or ending.translate(_LOOKALIKES) in _TLDS
            if known and not match[1].isascii():
                yield label("host", _ascii(match[1].lower()))


def _hosts_as_written(text: str) -> Iterator[str]:
    for pattern in (_URL, _SCHEME_RELATIVE):
        for match in pattern.finditer(text):
            yield label("host", _authority(match[1]))
    for match in _DOMAIN.finditer(text):
        if match[2].lower() in _TLDS:
            yield label("host", match[1].lower())
    for match in _IPV4.finditer(text):
        if all(int(part) <= 255 for part in match[1].split(".")):
            yield label("host", match[1])
    if _LOCAL.search(text):
        yield "host:localhost"


def _authority(text: str) -> str:
    """The host of a URL's authority, without user, password and punctuation that follows."""
    return _ascii(text.rpartition("@")[2].lower().rstrip(".,;:!)]}*_") or text.lower())


def _ascii(host: str) -> str:
    """A host in Punycode, so that letters that look alike do not look alike here."""
    if host.isascii() or len(host) > _LONGEST_HOST:
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _paths(text: str) -> Iterator[str]:
    for match in _ABSOLUTE.finditer(text):
        path = _normal(match[0])
        first, _, rest = path.lstrip("/").partition("/")
        if first.lower() in _ROOTS or rest:
            yield label("path", path)
    for pattern in (_HOME, _UP, _WINDOWS):
        for match in pattern.finditer(text):
            yield label("path", match[0].rstrip(" .,;:") or "..")


def _normal(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/").rstrip(".,;:"))
