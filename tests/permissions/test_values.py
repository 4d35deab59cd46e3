"""Every spelling of a value is seen: paths, URLs, hidden characters, nesting."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp.permissions.hosts import hosts_of, normal_host, normal_url
from agp.permissions.values import Unreadable, leaves, normal_path, spellings


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a//b/./c/../d", "a/b/d"),
        ("./notes/x.md", "notes/x.md"),
        ("notes/../../etc/passwd", "../etc/passwd"),
        ("//etc//passwd", "/etc/passwd"),
        ("notes\\..\\agp.toml", "agp.toml"),
        ("file:///etc/passwd", "/etc/passwd"),
        ("file://localhost/etc/passwd", "/etc/passwd"),
        ("notes%2F..%2Fagp.toml", "agp.toml"),
        ("notes%252F..%252Fagp.toml", "agp.toml"),
        ("notes／..／agp.toml", "agp.toml"),
        ("agp\u200b.toml", "agp.toml"),
        ("  agp.toml\n", "agp.toml"),
        ("HTTP://Good.org@EVIL.com:80/a/../b", "http://evil.com/b"),
        ("https://evil.com.:443", "https://evil.com"),
    ],
)
def test_what_is_meant_is_among_the_spellings(written: str, meant: str) -> None:
    assert meant in spellings(written)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("http://example.org/a", {"example.org"}),
        ("http://user:pw@example.org:8080/a@b", {"example.org"}),
        ("http://good.org@evil.com/", {"evil.com"}),
        ("http://evil.com\\@good.org/", {"evil.com", "good.org"}),
        ("https:evil.com", {"evil.com"}),
        ("https:/\\evil.com/", {"evil.com"}),
        ("//evil.com/x", {"evil.com"}),
        ("\thttp://ev\nil.com", {"evil.com"}),
        ("http://2130706433/", {"127.0.0.1"}),
        ("http://0x7f.1/", {"127.0.0.1"}),
        ("http://0177.0.0.1/", {"127.0.0.1"}),
        ("http://[::ffff:127.0.0.1]:80/", {"127.0.0.1"}),
        ("http://[::1]/", {"::1"}),
        ("http://bücher.example/", {"xn--bcher-kva.example"}),
        ("http://ＥＶＩＬ.com/", {"evil.com"}),
        ("http://evil。com/", {"evil.com"}),
        ("http://%65vil.com/", {"evil.com"}),
        ("evil.com:8080/path", {"evil.com"}),
        ("http:///", {""}),
    ],
)
def test_the_hosts_of_a_url_in_all_its_disguises(url: str, hosts: set[str]) -> None:
    assert hosts_of(url) == hosts


def test_values_are_found_wherever_they_are() -> None:
    inner = json.dumps({"path": "deep.py"})
    found = leaves({"a": [1, {"b": ["x", True]}], "text": f" {inner}", "files": {"k.py": "v"}})
    said = {(leaf.names, leaf.text, leaf.is_key) for leaf in found}
    assert (("a",), "1", False) in said
    assert (("a", "b"), "x", False) in said
    assert (("a", "b"), "true", False) in said
    assert (("text", "path"), "deep.py", False) in said
    assert (("files",), "k.py", True) in said
    assert (("files", "k.py"), "v", False) in said


def test_what_is_too_deep_or_too_much_to_judge_is_said_to_be() -> None:
    deep: object = "x"
    for _ in range(40):
        deep = [deep]
    for arguments in ({"a": deep}, {"a": ["x"] * 30_000}, {"a": "[" * 100_000 + "]" * 100_000}):
        with pytest.raises(Unreadable):
            leaves(arguments)


@given(st.text(max_size=60))
def test_a_normal_path_stays_as_it_is(text: str) -> None:
    path = normal_path(text)
    assert path is None or normal_path(path) in (path, None)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_urls_and_hosts(text: str) -> None:
    for each in (text, f"http://{text}", f"//{text}@{text}"):
        assert all(normal_host(host) == host for host in hosts_of(each) if host.isascii())
        assert isinstance(normal_url(each), str)
        assert spellings(each)
