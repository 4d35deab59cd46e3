"""Rules on arguments see what a tool will really get: converted values, filled-in defaults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Base64Bytes, BaseModel, Field

from agp.permissions import ActionRequest, Denied, Mode, Permissions, Policy, Question
from agp.permissions.decisions import in_mode
from agp.permissions.judging import judge_call
from agp.permissions.permissions import Guard
from agp.permissions.policy import Rules
from agp.project import Project
from agp.rspl.entities import EntityType, Implementation, Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.actions import Function
from agp.rspl.kinds.skill import Skill
from tests.conftest import MakeProject
from tests.permissions.support import GROUND, policy, request, verdict
from tests.permissions.test_rules import CALLS, RULES, STRICTNESS, VALUES
from tests.runtime.sessions import agent, call, told
from tests.support.untrusted import unique

DENY = '[tools]\ndeny = ["wipe(force=true)", "wipe(n=5)"]\nallow = ["*"]\n'


class Options(BaseModel):
    force: bool = True


def wipe(force: bool = False, n: int = 0) -> str:
    """Wipe."""
    return f"wiped {force!r} {n!r}"


def careless(force: bool = True) -> str:
    """Wipe."""
    return f"{force}"


def made(force: Annotated[bool, Field(default_factory=lambda: True)]) -> str:
    """Wipe."""
    return f"{force}"


def nested(options: Options) -> str:
    """Wipe."""
    return f"{options}"


def pay(n: Decimal) -> str:
    """Pay."""
    return f"{n}"


def share(n: float, data: Base64Bytes = b"") -> str:
    """Share."""
    return f"{n} {data!r}"


def permitted(text: str, function: Callable[..., Any], **arguments: Any) -> bool:
    """Whether a policy lets a tool ``wipe`` be called, the way a tool box asks."""
    live = Function(function, where="tool/wipe")
    record = Record(
        type=EntityType.TOOL,
        name="wipe",
        implementation=Implementation(kind="source", entry="tool.py:wipe", files={"tool.py": ""}),
        input_schema=live.schema,
    )
    guard = Guard(Permissions(policy(text), ground=GROUND), ("lead",))
    try:
        asyncio.run(guard.demand(record, live, "wipe", arguments))
    except Denied:
        return False
    return True


@pytest.mark.parametrize(
    "arguments",
    [{"force": each} for each in (True, 1, 1.0, "true", "yes", "on", "t", "1", "Y")]
    + [{"n": each} for each in (5, 5.0, "5", "05", "+5", " 5", "5.0", "５")],
)
def test_a_deny_is_not_dodged_by_what_the_tool_converts(arguments: dict[str, Any]) -> None:
    assert not permitted(DENY, wipe, **arguments)


def test_what_is_converted_to_something_else_is_allowed() -> None:
    for arguments in ({"force": "no"}, {"force": 0}, {"n": "50"}, {"n": 6.0}, {}):
        assert permitted(DENY, wipe, **arguments)


@pytest.mark.parametrize("function", [careless, made])
def test_defaults_count_as_given(function: Callable[..., Any]) -> None:
    assert not permitted(DENY, function)
    assert permitted(DENY, function, force=False)


def test_defaults_inside_of_an_argument_count_as_given() -> None:
    assert not permitted(DENY, nested, options={})
    assert permitted(DENY, nested, options={"force": False})


@pytest.mark.parametrize("written", [5, 5.0, "5", "5.0", "5.00", "5e0"])
@pytest.mark.parametrize("function", [pay, share])
def test_a_number_is_the_same_with_and_without_a_fraction(
    function: Callable[..., Any], written: Any
) -> None:
    for glob in ("5", "5.0"):
        assert not permitted(
            f'[tools]\ndeny = ["wipe(n={glob})"]\nallow = ["*"]', function, n=written
        )
    if not isinstance(written, str):
        assert permitted('[tools]\nallow = ["wipe(n=5)"]', share, n=written)
    assert permitted(DENY, function, n=5.5)


def test_what_has_no_json_does_not_stop_a_call() -> None:
    assert permitted(DENY, share, n="nan", data="gIGC")  # bytes that are no text


def test_a_rule_may_fit_one_argument_as_given_and_another_as_taken() -> None:
    rules = '[tools]\ndeny = ["wipe(force=yes, n=5)"]\nallow = ["*"]'
    assert not permitted(rules, wipe, force="yes", n="05")


JSON = st.sampled_from(
    [True, False, None, 0, 1, 5, 5.0, 1.0, "5", "05", " 5 ", "5.0", "1", "yes", "on", "TRUE", "n"]
) | st.recursive(st.booleans() | st.integers() | st.text(max_size=4), st.lists, max_leaves=3)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["force", "n"]), JSON))
def test_no_call_gets_what_is_denied_and_only_what_is_allowed(arguments: dict[str, Any]) -> None:
    taken = Function(wipe, where="wipe").meant(arguments)
    if permitted(DENY, wipe, **arguments) and taken is not None:
        assert taken["force"] is False
        assert taken["n"] != 5
    if permitted('[tools]\nallow = ["wipe(force=false, n=5)"]', wipe, **arguments):
        assert taken is not None
        assert taken == {"force": False, "n": 5}


@settings(max_examples=300)
@given(
    RULES,
    CALLS,
    st.dictionaries(st.sampled_from(["path", "text", "url"]), VALUES, max_size=3),
    st.sampled_from(Mode),
)
def test_another_reading_never_permits_more(
    rules: Rules, asked: ActionRequest, meant: dict[str, Any], mode: Mode
) -> None:
    def strictness(*readings: dict[str, Any]) -> int:
        both = ActionRequest(
            asked.agent_chain, asked.resource, asked.action, readings[0], meant=readings[-1]
        )
        return STRICTNESS[in_mode(mode, judge_call(Policy(tools=rules), both, GROUND)).verdict]

    alone = max(strictness(asked.arguments), strictness(meant))
    assert strictness(asked.arguments, meant) == strictness(meant, asked.arguments) >= alone


def test_a_skill_is_judged_by_what_it_takes() -> None:
    live, kind = Skill("Read me.", {"run.sh": "echo"}, 1.0), KINDS[EntityType.TOOL]
    record = Record(
        type=EntityType.TOOL,
        name="help",
        implementation=Implementation(kind="skill", entry="SKILL.md", files={"run.sh": "echo"}),
    )
    assert kind.meant(record, live, "read", {"offset": "07"}) == {"path": "SKILL.md", "offset": 7}
    assert kind.meant(record, live, "read", {"offset": "seven"}) is None


FILES = '[tools]\nallow = ["*"]\n[files]\nread = ["**", "/srv/**"]\nwrite = ["**"]\n'


@pytest.mark.parametrize(
    "path",
    ["~root/.ssh/id_rsa", "~nobody-of-this-name/x", "$HOME/x", "${HOME}/x", "notes/$UP/x",
     "$(pwd)/x", "\\\\host\\x", "//etc/passwd", "/\\etc/passwd", "/srv/$UP/x"],
)  # fmt: skip
def test_what_leads_elsewhere_is_not_inside_the_project(path: str) -> None:
    assert verdict(FILES, request("tool/read", path=path)).verdict == "deny"
    assert verdict(FILES, request("tool/read", files=[path])).verdict == "deny"
    if not path.startswith("notes"):  # in text only what begins like one is a path
        assert verdict(FILES, request("tool/read", text=path)).verdict == "deny"


def test_text_with_a_dollar_or_a_tilde_is_no_path() -> None:
    for text in ("$5/month", "~5 minutes", "costs $HOME", "a ~b/c"):
        assert verdict(FILES, request("tool/read", text=text)).verdict == "allow"
    assert verdict(FILES, request("tool/read", path="notes/price$5~.md")).verdict == "allow"


def test_a_share_of_a_windows_host_is_that_host() -> None:
    hosts = '[tools]\nallow = ["*"]\n[network]\nhosts = ["example.org"]\n'
    assert verdict(hosts, request("tool/it", text="\\\\evil.com\\x")).verdict == "deny"


def test_the_store_is_not_reached_by_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "/data")  # where tests' policies have their store
    assert verdict("", request("tool/read", path="$PLACE/store.db")).verdict == "deny"
    assert verdict("", request("tool/read", path="$PLACE/other.db")).verdict == "allow"


TOOL = '''
def wipe(force: bool, n: int = 0) -> str:
    """Wipe."""
    return f"WIPED {force!r} {n!r}"
'''
STATE = '''
class Environment:
    """A disk."""

    def __init__(self, **params):
        pass

    def wipe(self, force: bool, n: int = 0) -> str:
        """Wipe."""
        return f"WIPED {force!r} {n!r}"
'''
HANDLE = """
from agp.runtime import Answer


class Policy:
    def __init__(self, **settings):
        pass

    async def run(self, run):
        said = []
        for force in (False, "yes"):
            try:
                said.append(await run.environment.call("wipe", {"force": force}))
            except Exception as error:
                said.append(str(error))
            said.append((await run.tools.call("disk__wipe", {"force": force})).text)
        return Answer(text=" / ".join(said))
"""
STATE_DENY = '[tools]\ndeny = ["disk.wipe(force=true)"]\nallow = ["*"]\n'


def start(
    make_project: MakeProject, tmp_path: Path, text: str, *calls: Any, **more: Any
) -> Project:
    folder = tmp_path / "project"
    for name, code in {
        "tools/wipe/tool.py": TOOL,
        "environments/disk/environment.py": STATE,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)
    (folder / "environments/disk/ENVIRONMENT.md").write_text("---\ndescription: A disk.\n---\n")
    (folder / "agp.policy.toml").write_text(text)

    def script(asked: Any) -> Any:
        seen = told(asked)
        return calls[len(seen)] if len(seen) < len(calls) else " / ".join(seen)

    return make_project(script, **more)


def test_calls_of_tools_are_judged_as_they_are_taken(
    make_project: MakeProject, tmp_path: Path
) -> None:
    calls = [call("wipe", force=each) for each in ("yes", "no", "maybe")]
    project = start(make_project, tmp_path, DENY, *calls)
    agent(project, "lead", "tools: [wipe]\npolicy:\n  max_steps: 6")
    project.registry.init(project.roots)
    denied, done, wrong = project.run("lead", "Go.").text.split(" / ")
    assert 'deny "wipe(force=true)"' in denied
    assert done == "WIPED False 0"
    assert "force: Input should be a valid boolean" in wrong


@pytest.mark.parametrize("confined", [False, True])
def test_calls_of_methods_are_judged_as_they_are_taken(
    make_project: MakeProject, tmp_path: Path, confined: bool
) -> None:
    project = start(make_project, tmp_path, STATE_DENY)
    agent(project, "lead", "environment: disk", HANDLE)
    project.registry.init(project.roots)
    if confined:
        body = project.registry.get_info(ResourceId(EntityType.AGENT, "lead")).body()
        body["implementation"]["files"]["policy.py"] = unique(HANDLE)
        project.registry.update(Record.model_validate(body), origin="optimizer")
    said = project.run("lead", "Go.").text.split(" / ")
    assert said[:2] == ["WIPED False 0"] * 2
    assert len(said) == 4
    assert all('deny "disk.wipe(force=true)"' in each for each in said[2:])


def test_a_person_is_asked_once_and_sees_what_is_taken(
    make_project: MakeProject, tmp_path: Path
) -> None:
    asked: list[Question] = []

    def ask(question: Question) -> bool:
        asked.append(question)
        return True

    text = '[tools]\nask = ["wipe(force=true)"]\nallow = ["*"]\n'
    project = start(make_project, tmp_path, text, call("wipe", force="yes"), ask=ask)
    agent(project, "lead", "tools: [wipe]")
    project.registry.init(project.roots)
    assert project.run("lead", "Go.").text == "WIPED True 0"
    (question,) = asked
    assert question.details == (("n", "0"), ("force", "yes"), ("force, as it is taken", "true"))
