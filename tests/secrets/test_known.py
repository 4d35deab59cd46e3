"""Exact values: what this process has resolved is found in every form it is written in."""

from __future__ import annotations

import base64
import html
import json
import random
import string
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.secrets import redact, redact_known, remember

ODD = string.ascii_letters + string.digits + "/+&\"'<> =%#é"


def value(seed: int, letters: str = ODD) -> str:
    return "Zq7" + "".join(random.Random(seed).choices(letters, k=24)) + "x9"


def forms(secret: str) -> dict[str, str]:
    data = secret.encode()
    return {
        "plain": secret,
        "upper": secret.upper(),
        "json": json.dumps(secret),
        "json in json": json.dumps(json.dumps({"a": secret})),
        "json ascii": json.dumps(secret, ensure_ascii=False),
        "repr": repr(secret),
        "html": html.escape(secret),
        "url": quote(secret, safe=""),
        "url path": quote(secret),
        "form": quote_plus(secret),
        "percent": "".join(f"%{byte:02X}" for byte in data),
        "hex": data.hex(),
        "HEX": data.hex().upper(),
        "hex dump": data.hex(":"),
        "hex words": data.hex(" ", 2),
        "reversed": secret[::-1],
        "spaced": " ".join(secret),
        "utf-16": secret.encode("utf-16-le").decode("latin-1") if secret.isascii() else "",
        "base64 of utf-16": base64.b64encode(secret.encode("utf-16-le")).decode(),
    }


def encoded(secret: str) -> list[str]:
    """Base64 of texts that hold the secret, at all alignments, wrapped and not."""
    made: list[str] = []
    for before in range(60):
        data = b"-" * before + secret.encode() + b"." * (before % 5)
        plain = base64.encodebytes(data).decode()
        made += [base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()]
        made += [plain, plain.replace("\n", "\r\n"), json.dumps(plain)]
    return made


def readable(text: str, secret: str) -> bool:
    """Whether the secret, or most of it, can still be had from a text or from base64 in it."""
    if secret in text:
        return True
    plain = text.replace("\\n", "").replace("\r", "").replace("\n", "").strip('"')
    if "[secret:" in plain:
        parts = plain.replace("]", "[secret:").split("[secret:")
        return any(secret[4:-4] in part for part in parts)
    return True


@pytest.mark.parametrize("form", forms(value(0)))
def test_every_form_is_found(form: str) -> None:
    secret = value(1)
    remember(secret, "SERVICE")
    text = forms(secret)[form]
    for clean in (redact(f"before {text} after"), redact_known(f"before {text} after")):
        if text:
            assert "[secret:SERVICE]" in clean
            assert not readable(clean, secret)


def test_base64_is_found_at_every_alignment_and_in_lines() -> None:
    secret = value(2)
    remember(secret, "SERVICE")
    for text in encoded(secret):
        assert not readable(redact(text), secret)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 10**6))
def test_base64_of_anything_around_it_gives_nothing_back(
    before: int, after: int, seed: int
) -> None:
    secret = value(3)
    remember(secret, "SERVICE")
    rng = random.Random(seed)
    data = rng.randbytes(before) + secret.encode() + rng.randbytes(after)
    clean = redact(base64.b64encode(data).decode())
    left = clean.partition("[secret:SERVICE]")
    assert left[1]
    for part in (left[0], left[2].lstrip("=")):
        part = part[: len(part) // 4 * 4]
        assert secret.encode()[3:-3] not in base64.b64decode(part + "==", validate=False)


def test_the_environment_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = value(4, string.ascii_letters + string.digits)
    assert redact(secret) == secret
    monkeypatch.setenv("SOME_SERVICE_TOKEN", secret)
    assert redact(f"it is {secret}.") == "it is [secret:SOME_SERVICE_TOKEN]."
    monkeypatch.delenv("SOME_SERVICE_TOKEN")
    assert secret not in redact(secret)  # it was one: files may still hold it


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("APP_PASSWORD", "development"),
        ("API_KEY", "short"),
        ("SERVICE_TOKEN", "12345678"),
        ("KEY_FILE", "/etc/ssl/private/some.pem"),
        ("SIGNING_KEY", "/etc/passwd"),
        ("TOKEN_URL", "https://example.org/token7"),
        ("TOKENIZERS_PARALLELISM", "disabled1234"),
        ("MONKEY", "banana-1234-banana"),
        ("KEYBOARD_LAYOUT", "us-intl-1234"),
        ("HOME_PAGE", "abcdefgh12345678"),
    ],
)
def test_words_paths_and_other_variables_are_not_secrets(
    name: str, given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, given)
    assert redact(f"it is {given}.") == f"it is {given}."


def test_passwords_in_urls_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = value(5, string.ascii_letters + string.digits)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://ada:{secret}@db/main")
    assert redact(f"it is {secret}.") == "it is [secret:DATABASE_URL]."


def test_every_line_of_a_key_is_known() -> None:
    lines = [value(seed, string.ascii_letters + string.digits) * 2 for seed in range(10, 16)]
    remember("\n".join(lines), "SIGNING")
    for line in lines:
        assert redact(f"x {line} y") == "x [secret:SIGNING] y"


def test_only_what_is_known_is_taken_from_what_a_model_sees() -> None:
    secret, other = value(6, string.ascii_letters), "password=Tr0ub4dor3"
    remember(secret, "SERVICE")
    assert redact_known(f"{secret} {other}") == f"[secret:SERVICE] {other}"
