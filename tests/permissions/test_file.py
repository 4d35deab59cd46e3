"""`agp.policy.toml`: what it may hold, errors by line and field, and what it says in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from agp.errors import InputError
from agp.permissions import Mode, Policy, read_policy
from agp.permissions.template import TEMPLATE
from tests.permissions.support import policy

FULL = """\
mode = "auto"

[tools]
deny = ["python", "mcp.*"]
ask = ["workspace.write(path=*.py)"]
allow = ["*"]

[agents.researcher.tools]
deny = ["calculator"]

[files]
read = ["**"]
write = []

[network]
hosts = ["*.example.org"]

[[evolve]]
resource = "prompt/*"
verdict = "allow"

[[evolve]]
resource = ["tool/csv", "tool/json"]
field = "implementation/*"
changes = ["patch"]
growth = 500
size = 9000
capabilities = "deny"
verdict = "ask"

[sandbox]
least = "partial"
packages = ["numpy"]

[budget.global]
cost_usd = 20
commits = 3

[budget.agents.researcher]
calls = 50
"""


def test_every_section_is_read() -> None:
    read = policy(FULL)
    assert read.mode is Mode.AUTO
    assert read.agents["researcher"].tools.deny == ("calculator",)
    assert (read.files.read, read.files.write) == (("**",), ())
    assert read.network.hosts == ("*.example.org",)
    assert read.evolve_rules[1].resource == ("tool/csv", "tool/json")
    assert read.evolve_rules[0].growth == 4000
    assert read.sandbox.packages == ("numpy",)
    assert read.budget.all_.cost_usd == 20.0
    assert read.budget.agents["researcher"].calls == 50


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("mode = 'sometimes'", "line 1", "mode"),
        ("\n[tols]\ndeny = []", "line 2", "tols"),
        ("[tools]\n\ndeny = ['python(']", "line 3", "no rule"),
        ("[tools]\ndeny = ['python(x)']", "line 2", "argument=glob"),
        ("[tools]\ndeny = [3]", "line 2", "string"),
        ("[tools]\ndeny = 'python'", "line 2", "tools.deny"),
        ("[agents.a.tools]\nallow = ['x']\nmay = ['y']", "line 3", "agents.a.tools.may"),
        (
            "[[evolve]]\nresource = 'a/*'\nverdict = 'ask'\n[[evolve]]\nresource = 'b/*'",
            "line",
            "v",
        ),
        ("[[evolve]]\nverdict = 'ask'\nresource = 'x'\ngrowth = -1", "line 4", "growth"),
        ("[[evolve]]\nverdict = 'ask'\nresource = 'x'\ngrowth = true", "line 4", "growth"),
        ("[[evolve]]\nverdict = 'ask'\nresource = 'x'\nchanges = ['rewrite']", "line 4", "changes"),
        ("[budget.global]\ncost_usd = nan", "line 2", "cost_usd"),
        ("[budget.all]\ncalls = 3", "line 1", "budget.all"),
        ("[sandbox]\nleast = 'very'", "line 2", "sandbox.least"),
        ("mode = ", "line 1", "agp.policy.toml"),
        ("mode = 'auto'\nmode = 'ask'", "line 2", "agp.policy.toml"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_field(text: str, place: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        policy(text)
    assert "agp.policy.toml" in raised.value.message
    assert place in raised.value.message
    assert said in raised.value.message


def test_no_file_is_the_default_policy_and_the_template_says_the_same(tmp_path: Path) -> None:
    assert read_policy(tmp_path) == Policy()
    written = policy(TEMPLATE)
    assert written.tool_rules == Policy().tool_rules
    assert written.evolve_rules == Policy().evolve_rules
    assert (written.sandbox, written.budget, written.mode) == (
        Policy().sandbox,
        Policy().budget,
        Policy().mode,
    )


def test_a_file_that_is_no_text_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "agp.policy.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"agp.policy.toml cannot be read"):
        read_policy(tmp_path)


def test_the_digest_is_of_what_it_says() -> None:
    assert policy("# a comment\nmode = 'auto'").digest == policy("mode='auto'").digest
    assert policy("mode = 'auto'").digest != policy("").digest == Policy().digest


def test_the_policy_in_words_tells_a_stranger_what_may_be_done() -> None:
    words = policy(FULL).describe()
    for said in (
        "Never: `python`, `mcp.*`",
        "Only after a person said yes: `workspace.write(path=*.py)`",
        "The agent **researcher**",
        "written: none.",
        "Hosts: `*.example.org`.",
        "`tool/csv`, `tool/json`, field `implementation/*` (patch; at most 500 characters more",
        "What no rule names cannot evolve.",
        "at least partial",
        "50 calls",
    ):
        assert said in words, said
    assert "asks a person; where nobody" in Policy().describe()
