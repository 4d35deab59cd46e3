"""What credentials look like: the formats of providers, private keys, tokens, URLs, headers.

A rule begins at a literal (its anchor, in lower case), which one pass over a text finds; its
pattern is tried there only. A new provider is one line here; nothing else belongs here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import NamedTuple

from agp.secrets.plausible import has_digit, is_basic, is_mixed, is_placeholder

Check = Callable[[bytes], bool]


class Rule(NamedTuple):
    """One format.

    ``anchors`` are literals of it, in lower case; ``pattern`` must match at one, or begin at most
    ``back`` bytes before it; its group 1 (or all of it) is the secret. ``apart`` demands that no
    letter or digit comes before; ``check`` may refuse what the pattern found. A pattern sees
    ``reach`` bytes: what goes on beyond is taken for the rest of the same word.
    """

    kind: str
    anchors: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    apart: bool = True
    check: Check | None = None
    back: int = 0
    reach: int = 400


def _starts(
    kind: str, prefixes: str, body: str, *, apart: bool = True, check: Check | None = None
) -> Rule:
    """A rule for what begins with one of some prefixes."""
    given = prefixes.split()
    pattern = f"(?:{'|'.join(map(re.escape, given))}){body}"
    anchors = dict.fromkeys(prefix.lower().encode() for prefix in given)
    return Rule(kind, tuple(anchors), re.compile(pattern.encode()), apart, check)


def _at(
    kind: str,
    anchors: str,
    pattern: str,
    *,
    apart: bool = False,
    check: Check | None = None,
    back: int = 0,
    reach: int = 400,
) -> Rule:
    """A rule for what has one of some literals in it, separated by ``|``."""
    literals = tuple(each.encode() for each in anchors.split("|"))
    return Rule(kind, literals, re.compile(pattern.encode(), re.DOTALL), apart, check, back, reach)


def _is_password(found: bytes) -> bool:
    return not is_placeholder(found)


def _has_body(found: bytes) -> bool:
    """Whether a PEM block has more than its first line."""
    return re.search(rb"-----(?:.(?!-----END))*?[A-Za-z0-9+/=]{16}", found, re.DOTALL) is not None


def _is_encoded_pem(found: bytes) -> bool:
    try:
        return b"PRIVATE KEY" in base64.b64decode(found[:64])
    except (binascii.Error, ValueError):
        return False


_W = r"[A-Za-z0-9_-]"
_A = r"[A-Za-z0-9]"
_GAP = r"(?:\s|\\[nrt])"
_PEM = (
    r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----).){0,60000}-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
    rf"|(?:{_GAP}*[A-Za-z][\w-]*: [^\n\\]{{0,200}})*(?:{_GAP}*[A-Za-z0-9+/=]{{8,}})*)"
)

RULES: tuple[Rule, ...] = (
    # -- private keys --
    _at("private-key", "-----begin", _PEM, check=_has_body, reach=65_536),
    _at("private-key", "ls0tls1crudjti", "LS0tLS1CRUdJTi[A-Za-z0-9+/=_-]+", check=_is_encoded_pem),
    _at("private-key", "private-lines:", rf"Private-Lines: \d+(?:{_GAP}+[A-Za-z0-9+/=]{{8,}})+"),
    _starts("age-key", "AGE-SECRET-KEY-1", r"[A-Z0-9]{50,}", apart=False),
    # -- models --
    _starts("anthropic-key", "sk-ant-", _W + "{20,}", apart=False),
    _starts(
        "api-key", "sk-", "(?!ant-)" + _W + "{20,}", check=is_mixed
    ),  # OpenAI, and all who follow it
    _starts("google-key", "AIza", _W + "{35,}"),
    _starts("google-token", "ya29.", r"[A-Za-z0-9_.-]{20,}"),
    _starts("google-secret", "GOCSPX-", _W + "{20,}"),
    _starts("huggingface-token", "hf_ api_org_", _A + "{30,}", apart=False),
    _starts("groq-key", "gsk_", _A + "{40,}"),
    _starts("xai-key", "xai-", _W + "{40,}"),
    _starts("replicate-token", "r8_", _A + "{32,}"),
    _starts("perplexity-key", "pplx-", _A + "{32,}"),
    _starts("nvidia-key", "nvapi-", _W + "{40,}"),
    _starts("cerebras-key", "csk-", _A + "{32,}"),
    _starts("fireworks-key", "fw_", _A + "{20,}", check=is_mixed),
    _starts("tavily-key", "tvly-", _W + "{20,}", check=is_mixed),
    _starts("firecrawl-key", "fc-", r"[0-9a-f]{32}(?!\w)"),
    _starts("jina-key", "jina_", _A + "{40,}"),
    _starts("voyage-key", "pa-", _W + "{40,}", check=is_mixed),
    _starts("langsmith-key", "lsv2_pt_ lsv2_sk_", _W + "{32,}", apart=False),
    _starts("pinecone-key", "pcsk_", _W + "{40,}", apart=False),
    _starts("elevenlabs-key", "sk_", r"[0-9a-f]{40,}"),
    _starts("e2b-key", "e2b_", r"[0-9a-f]{32,}"),
    # -- code and packages --
    _starts("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", _A + "{36,}", apart=False),
    _starts("github-token", "github_pat_", r"[A-Za-z0-9_]{36,}", apart=False),
    _starts(
        "gitlab-token",
        "glpat- glptt- gldt- glrt- glcbt- glsoat- glft- glagent- gloas-",
        r"[A-Za-z0-9_.=-]{20,}",
        apart=False,
    ),
    _starts("npm-token", "npm_", _A + "{36,}"),
    _starts("pypi-token", "pypi-", _W + "{50,}"),
    _starts("rubygems-token", "rubygems_", r"[0-9a-f]{40,}"),
    _starts("docker-token", "dckr_pat_ dckr_oat_", _W + "{20,}", apart=False),
    _at("terraform-token", ".atlasv1.", rf"{_A}{{14}}\.atlasv1\.[\w=-]{{40,}}", back=14),
    _starts("buildkite-token", "bkua_", _A + "{30,}"),
    _starts("circleci-token", "CCIPAT_", _W + "{30,}"),
    _starts("postman-key", "PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}"),
    _starts("sourcegraph-token", "sgp_", r"[0-9a-f_]{40,}"),
    # -- clouds --
    _starts("aws-access-key", "AKIA ASIA ABIA ACCA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _starts("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", r"[0-9a-f]{40,}", apart=False),
    _starts("databricks-token", "dapi", r"[0-9a-f]{32}(?:-\d)?(?![0-9a-z])"),
    _starts("doppler-token", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", r"[\w.-]{40,}"),
    _starts("vault-token", "hvs. hvb. hvr.", _W + "{24,}"),
    _starts("onepassword-token", "ops_ey", _W + "{80,}"),
    _starts("heroku-key", "HRKU-", _W + "{30,}"),
    _starts("planetscale-token", "pscale_tkn_ pscale_pw_ pscale_oauth_", r"[\w.-]{30,}"),
    _starts("tailscale-key", "tskey-", _W + "{20,}", check=is_mixed),
    _starts("fly-token", "fm2_ fm1r_ fm1a_", r"[\w+/=-]{40,}"),
    _starts("supabase-key", "sbp_ sb_secret_", _W + "{30,}"),
    _starts("netlify-token", "nfp_", _A + "{36,}"),
    _at("azure-secret", "q~", r"[\w.~-]{3}\dQ~[\w.~-]{31,34}(?![\w.~-])", back=4),
    _at("azure-sas", "sig=", r"sig=([A-Za-z0-9%+/]{40,}={0,2})", apart=True),
    # -- money, mail, chat --
    _starts("stripe-key", "sk_live_ sk_test_ rk_live_ rk_test_", _A + "{16,}", apart=False),
    _starts("webhook-secret", "whsec_", r"[A-Za-z0-9+/=]{20,}", apart=False),
    _starts("square-token", "sq0atp- sq0csp-", _W + "{22,}", apart=False),
    _starts("shopify-token", "shpat_ shpss_ shpca_ shppa_", r"[0-9a-fA-F]{32}", apart=False),
    _starts("slack-token", "xox", r"[abeoprs](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}", check=has_digit),
    _starts("slack-token", "xapp-", r"\d-[A-Za-z0-9-]{20,}"),
    _starts("slack-webhook", "hooks.slack.com/", r"(\w+/T\w+/(?:B\w+/)?\w{16,})", apart=False),
    _starts("discord-webhook", "/api/webhooks/", r"(\d{15,}/[\w-]{40,})", apart=False),
    _starts("sendgrid-key", "SG.", r"[\w-]{16,32}\.[\w-]{30,}"),
    _starts("twilio-key", "SK", r"[0-9a-f]{32}(?![0-9a-zA-Z])"),
    _starts("mailgun-key", "key-", r"[0-9a-f]{32}(?![0-9a-zA-Z-])"),
    _at("mailchimp-key", "-us", r"[0-9a-f]{32}-us\d{1,2}(?!\w)", apart=True, back=32),
    _starts("facebook-token", "EAACEdEose0cBA", _A + "+", apart=False),
    _at("telegram-token", ":aa", r"\d{8,10}:AA[\w-]{32,33}(?![\w-])", back=10),
    # -- work --
    _starts("linear-key", "lin_api_ lin_oauth_", _A + "{32,}", apart=False),
    _starts("notion-secret", "secret_", _A + "{40,}", check=is_mixed),
    _starts("notion-secret", "ntn_", _A + "{40,}"),
    _starts("atlassian-token", "ATATT3 ATCTT3", r"[\w=-]{60,}", apart=False),
    _starts("airtable-token", "pat", rf"{_A}{{14}}\.[0-9a-f]{{64}}"),
    _starts("figma-token", "figd_", _W + "{36,}"),
    _starts("sentry-token", "sntrys_ sntryu_", r"[\w+/=-]{40,}", apart=False),
    _starts("grafana-token", "glsa_ glc_", r"[\w+/=-]{30,}"),
    _starts("newrelic-key", "NRAK-", r"[A-Z0-9]{27}"),
    _starts("posthog-key", "phx_", _A + "{32,}"),
    _starts("contentful-token", "CFPAT-", _W + "{40,}"),
    # -- what any of them may come in --
    _at("jwt", "eyj", rf"eyJ{_W}{{8,}}\.{_W}{{8,}}(?:\.{_W}*){{1,3}}", apart=True),
    _at("bearer", "bearer ", r"(?i:bearer)\s+([A-Za-z0-9._~+/-]{16,}=*)", check=has_digit),
    _at("basic-auth", "basic ", r"(?i:basic)\s+([A-Za-z0-9+/]{8,}={0,2})", check=is_basic),
    _at(
        "url-password",
        "://",
        r"://[^\s/:@\"'<>\\]*:([^\s/\"'<>\\]+)@(?=[\w.\[%$-])",
        check=_is_password,
    ),
    _at(
        "netrc",
        "machine ",
        rf"machine{_GAP}+\S+?{_GAP}+login{_GAP}+\S+?{_GAP}+password{_GAP}+([^\s\\\"']+)",
        apart=True,
        check=_is_password,
    ),
    _at("curl-user", "-u ", r"-u\s+[\"']?[\w.@+-]+:([^\s\"':]{6,})", check=_is_password),
)
"""Every format; of two that match at one place, the first gives the name."""

DOTTED = re.compile(rb"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}(?![A-Za-z0-9_-])")
"""The tail of a Discord bot's token, which begins with nothing special."""
_HEAD = re.compile(rb"[MNO][A-Za-z0-9_-]{22,27}$")


def dotted_head(before: bytes) -> int | None:
    """Where the head of such a token begins: base64 of an account's number."""
    found = _HEAD.search(before)
    if found is None:
        return None
    try:
        number = base64.urlsafe_b64decode(found[0] + b"=" * (-len(found[0]) % 4))
    except (binascii.Error, ValueError):
        return None
    return found.start() if number.isdigit() else None
