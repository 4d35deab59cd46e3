"""Secrets for tests, put together when the tests run: this repository holds none.

Each is random for its seed, and in the format of its provider.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from typing import NamedTuple

_LETTERS = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_URL_SAFE = _LETTERS + "-_"


class Planted(NamedTuple):
    """A secret: ``text`` is how it is written somewhere, ``value`` what must not be readable."""

    kind: str
    text: str
    value: str


def _of(rng: random.Random, size: int, letters: str = _LETTERS) -> str:
    """Random text with digits in it, as real ones have."""
    made = "".join(rng.choices(letters, k=size - 3))
    return made[: size // 2] + "".join(rng.choices("123456789", k=3)) + made[size // 2 :]


def _number(rng: random.Random) -> str:
    return base64.b64encode(str(rng.randrange(10**17, 10**18)).encode()).decode()


Make = Callable[[random.Random], str]
Frame = tuple[str, Make, str]

# Prefixes are cut in two: a scanner of this repository must not take them for the real thing.
_WHOLE: dict[str, Make] = {
    "openai": lambda r: "s" + "k-" + _of(r, 48),
    "openai-project": lambda r: "s" + "k-proj-" + _of(r, 100, _URL_SAFE),
    "openai-service": lambda r: "s" + "k-svcacct-" + _of(r, 60),
    "anthropic": lambda r: "s" + "k-ant-api03-" + _of(r, 93, _URL_SAFE) + "AA",
    "openrouter": lambda r: "s" + "k-or-v1-" + _of(r, 64, _HEX),
    "deepseek": lambda r: "s" + "k-" + _of(r, 32, _HEX),
    "google": lambda r: "AI" + "za" + _of(r, 35, _URL_SAFE),
    "google-oauth": lambda r: "ya" + "29." + _of(r, 60, _URL_SAFE),
    "google-client": lambda r: "GOC" + "SPX-" + _of(r, 28, _URL_SAFE),
    "huggingface": lambda r: "h" + "f_" + _of(r, 34),
    "groq": lambda r: "gs" + "k_" + _of(r, 52),
    "xai": lambda r: "xa" + "i-" + _of(r, 80),
    "replicate": lambda r: "r" + "8_" + _of(r, 37),
    "perplexity": lambda r: "pp" + "lx-" + _of(r, 48),
    "nvidia": lambda r: "nv" + "api-" + _of(r, 64, _URL_SAFE),
    "tavily": lambda r: "tv" + "ly-" + _of(r, 32),
    "langsmith": lambda r: "lsv2" + "_pt_" + _of(r, 32, _HEX) + "_" + _of(r, 10, _HEX),
    "pinecone": lambda r: "pc" + "sk_" + _of(r, 60),
    "elevenlabs": lambda r: "s" + "k_" + _of(r, 48, _HEX),
    "github": lambda r: "gh" + "p_" + _of(r, 36),
    "github-oauth": lambda r: "gh" + "o_" + _of(r, 36),
    "github-server": lambda r: "gh" + "s_" + _of(r, 36),
    "github-fine": lambda r: "github" + "_pat_" + _of(r, 22) + "_" + _of(r, 59),
    "gitlab": lambda r: "gl" + "pat-" + _of(r, 20, _URL_SAFE),
    "npm": lambda r: "np" + "m_" + _of(r, 36),
    "pypi": lambda r: "py" + "pi-AgEIcHlwaS5vcmc" + _of(r, 120, _URL_SAFE),
    "docker": lambda r: "dckr" + "_pat_" + _of(r, 27, _URL_SAFE),
    "terraform": lambda r: _of(r, 14) + ".atlas" + "v1." + _of(r, 67),
    "aws": lambda r: "AK" + "IA" + "".join(r.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16)),
    "aws-session": lambda r: "AS" + "IA" + "".join(r.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=16)),
    "digitalocean": lambda r: "dop" + "_v1_" + _of(r, 64, _HEX),
    "databricks": lambda r: "da" + "pi" + _of(r, 32, _HEX),
    "doppler": lambda r: "dp" + ".pt." + _of(r, 43),
    "vault": lambda r: "hv" + "s." + _of(r, 90, _URL_SAFE),
    "azure-client": lambda r: _of(r, 3) + "8" + "Q~" + _of(r, 34),
    "supabase": lambda r: "sb" + "p_" + _of(r, 40, _HEX),
    "stripe": lambda r: "sk" + "_live_" + _of(r, 24),
    "stripe-restricted": lambda r: "rk" + "_live_" + _of(r, 24),
    "stripe-webhook": lambda r: "wh" + "sec_" + _of(r, 32),
    "square": lambda r: "sq0" + "atp-" + _of(r, 22, _URL_SAFE),
    "shopify": lambda r: "sh" + "pat_" + _of(r, 32, _HEX),
    "slack-bot": lambda r: "xo" + f"xb-{r.randrange(10**11)}-{r.randrange(10**12)}-" + _of(r, 24),
    "slack-user": lambda r: "xo" + f"xp-{r.randrange(10**11)}-{r.randrange(10**12)}-" + _of(r, 32),
    "slack-app": lambda r: "xa" + "pp-1-A" + _of(r, 10) + "-" + _of(r, 64, _HEX),
    "sendgrid": lambda r: "S" + "G." + _of(r, 22, _URL_SAFE) + "." + _of(r, 43, _URL_SAFE),
    "twilio": lambda r: "S" + "K" + _of(r, 32, _HEX),
    "mailgun": lambda r: "ke" + "y-" + _of(r, 32, _HEX),
    "mailchimp": lambda r: _of(r, 32, _HEX) + "-u" + "s14",
    "telegram": lambda r: f"{r.randrange(10**8, 10**10)}" + ":A" + "A" + _of(r, 33, _URL_SAFE),
    "discord": lambda r: _number(r) + "." + _of(r, 6) + "." + _of(r, 38),
    "linear": lambda r: "lin" + "_api_" + _of(r, 40),
    "notion": lambda r: "nt" + "n_" + _of(r, 46),
    "notion-old": lambda r: "sec" + "ret_" + _of(r, 43),
    "atlassian": lambda r: "ATA" + "TT3" + _of(r, 180, _URL_SAFE),
    "figma": lambda r: "fi" + "gd_" + _of(r, 40, _URL_SAFE),
    "sentry": lambda r: "snt" + "rys_" + _of(r, 80),
    "grafana": lambda r: "gl" + "sa_" + _of(r, 32) + "_" + _of(r, 8, _HEX),
    "age": lambda r: "AGE-SECRET" + "-KEY-1" + _of(r, 58, string.ascii_uppercase + string.digits),
}

_FRAMED: dict[str, Frame] = {
    "bearer": ("Authorization: Bearer ", lambda r: _of(r, 40), ""),
    "header": ('{"x-api-key": "', lambda r: _of(r, 30), '"}'),
    "header-token": ("X-Auth-Token: ", lambda r: _of(r, 30), "\n"),
    "cookie": ("Cookie: session=", lambda r: _of(r, 32), "; theme=dark"),
    "aws-secret": ("aws_secret_access_key = ", lambda r: _of(r, 40, _LETTERS + "/+"), "\n"),
    "aws-secret-json": ('{"SecretAccessKey":"', lambda r: _of(r, 40, _LETTERS + "/+"), '"}'),
    "mistral": ("MISTRAL_API_KEY=", lambda r: _of(r, 32), "\n"),
    "cohere": ("COHERE_API_KEY: ", lambda r: _of(r, 40), "\n"),
    "python": ('client = Client(api_key="', lambda r: _of(r, 32), '")'),
    "escaped": ('say \\"client_secret\\": \\"', lambda r: _of(r, 40), '\\" now'),
    "password-json": ('{"user": "ada", "password": "', lambda r: _of(r, 16), '"}'),
    "password-env": ("DB_PASSWORD=", lambda r: "p@" + _of(r, 14) + "!", "\n"),
    "yaml": ("  password: ", lambda r: _of(r, 16), "\n  host: db\n"),
    "postgres": ("postgresql://ada:", lambda r: _of(r, 20), "@db.example.org:5432/main"),
    "mongo": ("mongodb+srv://ada:", lambda r: _of(r, 20), "@cluster0.example.net/x"),
    "redis": ("redis://:", lambda r: _of(r, 24), "@cache:6379/0"),
    "https": ("git clone https://ada:", lambda r: _of(r, 30), "@git.example.org/x.git"),
    "adonet": ("Server=db;User=ada;Password=", lambda r: _of(r, 18) + "#", ";Encrypt=true"),
    "azure-storage": (
        "AccountName=x;AccountKey=",
        lambda r: _of(r, 86, _LETTERS + "+/") + "==",
        ";",
    ),
    "netrc": ("machine api.example.org login ada password ", lambda r: _of(r, 20), "\n"),
    "query": ("GET /v1/x?limit=5&api_key=", lambda r: _of(r, 32), "&page=2"),
    "option": ("mytool --token ", lambda r: _of(r, 30), " --verbose"),
    "setenv": ("os.environ['SERVICE_TOKEN'] = '", lambda r: _of(r, 30), "'"),
    "npmrc": ("//registry.example.org/:_authToken=", lambda r: _of(r, 36), "\n"),
    "xml": ("<password>", lambda r: _of(r, 16), "</password>"),
    "curl": ("curl -u ada:", lambda r: _of(r, 16), " https://example.org"),
    "slack-webhook": (
        "https://hooks.slack" + ".com/services/T0AB12CD3/B0AB12CD3/",
        lambda r: _of(r, 24),
        "",
    ),
}


def _encoded(rng: random.Random) -> Iterator[Planted]:
    for kind in ("RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "", "DSA "):
        yield _pem(rng, kind)
    body = _lines(rng)
    block = "PGP PRIVATE" + " KEY BLOCK"
    pgp = f"-----BEGIN {block}-----\nVersion: GnuPG v2\n\n{body}\n=aB3d\n-----END {block}-----"
    yield Planted("pgp", pgp, body)
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    payload = json.dumps({"sub": _of(rng, 12)}).encode()
    claims = base64.urlsafe_b64encode(payload).decode().rstrip("=")
    token = f"{header}.{claims}.{_of(rng, 43, _URL_SAFE)}"
    yield Planted("jwt", token, token)
    basic = base64.b64encode(f"ada:{_of(rng, 16)}".encode()).decode()
    yield Planted("basic", f"Authorization: Basic {basic}", basic)
    yield Planted("docker-config", f'{{"auth": "{basic[::1]}"}}', basic)


def _lines(rng: random.Random, count: int = 6) -> str:
    return "\n".join(_of(rng, 64, _LETTERS + "+/") for _ in range(count))


def _pem(rng: random.Random, kind: str) -> Planted:
    body = _lines(rng)
    if kind == "RSA ":
        body = f"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00FF\n\n{body}"
    name = f"{kind}PRIVATE" + " KEY"
    text = f"-----BEGIN {name}-----\n{body}\n-----END {name}-----"
    return Planted(f"pem {kind}".strip(), text, body.rpartition("\n\n")[2])


def planted(seed: int = 1) -> list[Planted]:
    """One secret of every kind."""
    rng = random.Random(seed)
    made = [Planted(kind, text := make(rng), text) for kind, make in _WHOLE.items()]
    for kind, (before, make, after) in _FRAMED.items():
        value = make(rng)
        made.append(Planted(kind, before + value + after, value))
    return [*made, *_encoded(rng)]


def readable(data: bytes, secret: Planted) -> bool:
    """Whether a secret can be read in bytes: it, a line of it, or an encoded form of it."""
    value = secret.value.splitlines()[0].encode()
    low = data.lower()
    forms = [value, json.dumps(value.decode())[1:-1].encode(), value.hex().encode(), value[::-1]]
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + value)
        middle = encoded[(0, 2, 3)[shift] : -4]
        forms += [middle, middle.replace(b"+", b"-").replace(b"/", b"_")]
    return any(form.lower() in low for form in forms)
