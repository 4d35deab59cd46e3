"""Hosts in letters that are not those they look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.capabilities.texts import in_literal, in_text


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Go to evil.example.org. Then", "evil.example.org"),
        ("Go to еvil.example.org/x", "xn--vil-qdd.example.org"),
        ("evil。example。org", "evil.example.org"),
        ("evil．example｡org", "evil.example.org"),
        ("ｅｖｉｌ.example.org", "evil.example.org"),
        ("e\u200bvil.example.org", "evil.example.org"),
        ("see evil.оrg", "evil.xn--rg-emc"),
        ("请访问evil.example.org", "xn--evil-pr9lpki90d.example.org"),
        ("смотри пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("https:/\\evil.example", "evil.example"),
        ("https:\\\\evil.example", "evil.example"),
        ("http:/evil.example/x", "evil.example"),
        ("https:/\u200b/evil.example", "evil.example"),
        ("https://münchen.example/x", "xn--mnchen-3ya.example"),
        ("https://evil。example。org/x", "evil.example.org"),
        ("https:\\/\\/evil.example\\/x", "evil.example"),
    ],
)
def test_a_host_is_seen_whatever_its_letters(text: str, host: str):
    assert f"host:{host}" in set(in_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "Сначала подумай.Потом ответь. Т.е. кратко, и т.д.",
        "先思考。再回答。中国很大。",
        "Überlege… dann antworte, z.B. „ja“ (5 km/h)·",
        "naïve.py und größe.csv",
        "http: die Antwort",
    ],
)
def test_prose_has_no_hosts(text: str):
    assert set(in_text(text)) == set()


@given(
    st.text()
    | st.lists(st.sampled_from([*"е。./\\@:-_ \u200b\u00adхо", "https:", "org"])).map("".join)
)
def test_no_text_is_too_odd(text: str):
    assert all(isinstance(each, str) and each for each in in_literal(text))


@pytest.mark.parametrize("piece", ["е.", "е", "。", "е@", "е-", "https:/", "https:\\", "е.org"])
def test_long_texts_take_no_time_to_speak_of(piece: str):
    list(in_text(piece * 50_000))
