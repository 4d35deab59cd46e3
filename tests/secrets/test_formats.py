"""Every format, in every surrounding that programs write; and nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.secrets import find, find_json, redact, redact_json
from tests.secrets.planted import Planted, planted, readable

ALL = planted()

SURROUNDINGS = {
    "alone": "{}",
    "in prose": "The key is {}, keep it.",
    "in lines": "first line\n{}\nlast line",
    "beside other scripts": "ключ 鍵 é: {} ✓",
    "in brackets": "({})",
}


@pytest.mark.parametrize("secret", ALL, ids=[each.kind for each in ALL])
def test_every_format_is_found_in_every_surrounding(secret: Planted) -> None:
    for surrounding in SURROUNDINGS.values():
        text = surrounding.format(secret.text)
        clean = redact(text)
        assert "[secret:" in clean
        assert not readable(clean.encode(), secret)
        assert redact(clean) == clean
        assert len(find(text)) == 1


@pytest.mark.parametrize("secret", ALL, ids=[each.kind for each in ALL])
def test_every_format_is_found_in_json_within_json(secret: Planted) -> None:
    text = secret.text
    for _ in range(3):
        text = json.dumps({"message": f"it said\n{text}\nand ended"})
        clean = redact(text)
        assert not readable(clean.encode(), secret)
        assert json.loads(clean)


def test_a_private_key_behind_a_name_goes_as_a_whole() -> None:
    for key in (each for each in ALL if each.kind.startswith("pem")):
        for name in ("private_key", "password", "SIGNING_KEY"):
            for text in (json.dumps({name: key.text}), f"{name}: {key.text}", f"{name}={key.text}"):
                clean = redact(text)
                assert not any(line in clean for line in key.value.splitlines())
                assert redact(clean) == clean


def test_places_are_in_characters_and_say_what_it_is() -> None:
    secret = next(each for each in ALL if each.kind == "github")
    text = f"é鍵🔑 {secret.text} é鍵🔑 {secret.text}"
    assert [text[start:end] for _, start, end in find(text)] == [secret.text] * 2
    assert {kind for kind, _, _ in find(text)} == {"github-token"}


NAMED = {
    "password": "correcthorse",
    "db_password": "Tr0ub4dor",
    "apiKey": "k3yk3yk3yAB",
    "x-api-key": "k3yk3yk3yAB",
    "client_secret": "s3cr3tvalue",
    "accessToken": "abcdef0123456789",
    "Authorization": "Token abcdef0123456789",
    "Cookie": "sid=abcdef0123456789; a=b",
    "auth": base64.b64encode(b"ada:lovelace").decode(),
}


@pytest.mark.parametrize("name", NAMED)
def test_names_give_values_away_in_data(name: str) -> None:
    value = {"kept": 1, "deep": [{name: NAMED[name]}], "also": {name: [NAMED[name], "x"]}}
    clean = redact_json(value)
    assert NAMED[name] not in json.dumps(clean)
    assert redact_json(clean) is clean
    assert clean["kept"] == 1
    assert [place.path for place in find_json(value)] == [f"deep/0/{name}", f"also/{name}"]
    assert redact_json({"env": [{"name": "SERVICE_TOKEN", "value": "abcdef0123456789"}]}) == {
        "env": [{"name": "SERVICE_TOKEN", "value": "[secret:SERVICE_TOKEN]"}]
    }


def test_what_holds_no_secret_comes_back_itself() -> None:
    value = {"a": ["text", 1, None, {"token_count": 3, "tokens": ["a", "b"]}], "t": (1, "b")}
    assert redact_json(value) is value
    text = "nothing here"
    assert redact(text) is text


INNOCENT = [
    "password = input()",
    "password = getpass.getpass('Password: ')",
    "api_key = os.environ['OPENAI_API_KEY']",
    'api_key=os.environ.get("KEY", "")',
    "client = Client(api_key=settings.api_key, token=self.token)",
    "token_count = 12345678",
    "max_tokens=100000",
    '{"token": " Hello", "logprob": -0.25}',
    '{"prompt_tokens": 12, "token": "Paris"}',
    "def login(user: str, password: str = ''): ...",
    "password: str | None = None",
    "The password must be 8 characters long and hold 2 digits.",
    "secret: the name of the ingredient",
    "api_key: ${env:SERVICE_KEY}",
    "Authorization: Bearer ${TOKEN}",
    "Authorization: Bearer <your token here>",
    "https://user:password@example.org/",
    "https://example.org:8080/a@b",
    "postgresql://USER:${PASSWORD}@HOST/db",
    "key = sorted(items, key=lambda item: item.key2)",
    "sk-learn-is-a-library-for-machine-learning-in-python",
    "risk-2024-assessment-of-all-the-things",
    "the basic understanding of bearer authentication",
    "cookie: a small sweet thing made of 2 eggs",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEF\n-----END PUBLIC KEY-----",
    "commit 4f2a9d3c1b7e8f60a5d4c3b2a19087f6e5d4c3b2",
    "image/png;base64," + base64.b64encode(hashlib.sha512(b"picture").digest() * 20).decode(),
    "x = 3.14159265358979323846264338327950288419716939937510",
    "SELECT token FROM sessions WHERE token = $1",
    "if password == expected_password: return secrets.token_hex(16)",
    "token = tokens[index2]",
    '"credentials": "include"',
    "[secret:OPENAI_API_KEY] and password=[secret:password]",
]


@pytest.mark.parametrize("text", INNOCENT)
def test_words_code_references_and_digests_stay(text: str) -> None:
    assert redact(text) == text
    assert redact_json({"text": text})["text"] == text


@given(st.binary(min_size=1), st.sampled_from(["sha1", "sha256", "md5", "sha512", "blake2b"]))
def test_digests_stay(data: bytes, algorithm: str) -> None:
    hashed = hashlib.new(algorithm, data)
    for shown in (hashed.hexdigest(), hashed.hexdigest().upper(), hashed.hexdigest()[:12]):
        for text in (shown, f"{algorithm}:{shown}", f"commit {shown}", f'{{"digest":"{shown}"}}'):
            assert redact(text) == text
    encoded = base64.b64encode(hashed.digest()).decode()
    assert redact(f"{algorithm}-{encoded}") == f"{algorithm}-{encoded}"
    assert redact_json({"digest": hashed.hexdigest(), "key": hashed.hexdigest()})


@given(st.uuids(), st.integers(), st.floats(), st.datetimes())
def test_uuids_numbers_and_times_stay(
    identity: uuid.UUID, number: int, fraction: float, moment: object
) -> None:
    text = f"id={identity} n={number} f={fraction} at {moment} {identity.hex} urn:uuid:{identity}"
    assert redact(text) == text


@given(st.text())
def test_any_text_is_redacted_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.lists(st.sampled_from([each.text for each in ALL]), max_size=4), st.text(max_size=20))
def test_any_mixture_is_redacted_once(secrets: list[str], between: str) -> None:
    clean = redact(between.join(secrets))
    assert redact(clean) == clean
