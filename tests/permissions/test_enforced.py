"""The policy in a run: what a model is told, who is asked, what is audited and traced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agp.audit import log as audit
from agp.errors import AgpError
from agp.models.types import Completion, ModelRequest
from agp.permissions import ActionRequest, Denied, Permissions, Question, Reply
from agp.project import Project
from agp.runtime.types import Answer
from agp.store.tables import SpanRow
from tests.conftest import MakeProject
from tests.permissions.support import policy
from tests.runtime.sessions import agent, call, speaker, told

ASK = '[tools]\nask = ["calculator"]\nallow = ["*"]\n'
Start = Callable[..., Project]


@pytest.fixture
def start(make_project: MakeProject, tmp_path: Path) -> Start:
    """A project with a policy file; its agents call what ``calls`` gives for them, then answer."""

    def make(text: str, calls: dict[str, list[Completion]], **settings: Any) -> Project:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        (folder / "agp.policy.toml").write_text(text)

        def script(request: ModelRequest) -> Completion | str:
            seen, mine = told(request), calls[speaker(request)]
            return mine[len(seen)] if len(seen) < len(mine) else " / ".join(seen) or "done"

        return make_project(script, **settings)

    return make


def lead(project: Project, front: str = "tools: [calculator]") -> None:
    agent(project, "lead", f"{front}\npolicy:\n  max_steps: 6")
    project.registry.init(project.roots)


def audited(project: Project, kind: str) -> list[dict[str, Any]]:
    with project.database.read() as session:
        return [entry.payload for entry in audit.newest(session, kind=kind)][::-1]


def run(project: Project) -> Answer:
    return project.run("lead", "Go.")


SUM, OTHER = (call("calculator", expression=text) for text in ("1 + 2", "5"))


def test_a_denied_call_is_not_made_and_everyone_is_told(start: Start) -> None:
    project = start('[tools]\ndeny = ["calculator"]\nallow = ["*"]', {"lead": [SUM, OTHER]})
    lead(project)
    answer = run(project)
    assert answer.text.startswith("Error: Not permitted: calculator is under [tools] deny")
    (note,) = answer.notes
    assert note.startswith("lead was not permitted calculator")
    (entry,) = audited(project, "denial")  # one for both
    assert (entry["who"], entry["what"]) == (["lead"], "calculator")
    assert entry["rule"] == '[tools] deny "calculator"'
    project.tracer_provider.force_flush()
    with project.database.read() as session:
        spans = [s.attributes for s in session.query(SpanRow) if s.name.endswith("calculator")]
    assert [each["agp.permission"] for each in spans] == ['[tools] deny "calculator"'] * len(spans)
    assert spans


def test_with_nobody_to_ask_a_question_is_a_no(start: Start) -> None:
    project = start(ASK, {"lead": [SUM]})
    lead(project)
    answer = run(project)
    assert "nobody to ask" in answer.text
    assert "nobody to ask" in answer.notes[0]
    assert audited(project, "permission") == []


@pytest.mark.parametrize(
    ("said", "result"),
    [(True, "3"), ("yes", "3"), (Reply.ALWAYS, "3"), (False, "Error"), ("no", "Error"),
     (None, "Error"), ("sure", "Error"), (1, "Error")],
)  # fmt: skip
def test_a_callback_is_asked_and_only_a_clear_yes_is_one(
    start: Start, said: Any, result: str
) -> None:
    asked: list[Question] = []

    def ask(question: Question) -> Any:
        asked.append(question)
        return said

    project = start(ASK, {"lead": [SUM]}, ask=ask)
    lead(project)
    assert run(project).text.startswith(result)
    (question,) = asked
    assert (question.who, question.what) == (("lead",), "calculator")
    assert question.details == (("expression", "1 + 2"),)
    assert question.rule == '[tools] ask "calculator"'
    (entry,) = audited(project, "permission")
    assert entry["answer"] in ("yes", "always", "no")
    assert (entry["answer"] == "no") == (result == "Error")
    assert "1 + 2" not in str(entry)


def test_always_holds_for_the_run_and_a_no_for_the_same_call(start: Start) -> None:
    asked: list[str] = []

    async def ask(question: Question) -> str:
        asked.append(question.details[0][1])
        return "always" if question.details[0][1] == "5" else "no"

    project = start(ASK, {}, ask=ask)
    agent(
        project,
        "lead",
        "tools: [calculator]",
        "from agp.runtime import Answer\n\n\nclass Policy:\n    async def run(self, run):\n"
        "        said = []\n        for text in ('1 + 2', '1 + 2', '5', '1 + 2'):\n"
        "            got = await run.tools.call('calculator', {'expression': text})\n"
        "            said.append('no' if got.failed else got.text)\n"
        "        return Answer(text=' '.join(said))\n",
    )
    project.registry.init(project.roots)
    assert run(project).text == "no no 5 3"
    assert asked == ["1 + 2", "5"]
    assert run(project).text == "no no 5 3"  # another run asks again
    assert asked == ["1 + 2", "5"] * 2


def test_a_callback_that_fails_is_no_consent(start: Start) -> None:
    def ask(question: Question) -> bool:
        raise RuntimeError("the pager is down")

    project = start(ASK, {"lead": [SUM]}, ask=ask)
    lead(project)
    assert "the pager is down" in run(project).text


@pytest.mark.parametrize(
    ("mode", "result"),
    [("default", "yes"), ("plan", "yes"), ("ask", "yes"), ("auto", "free"), ("dontAsk", "no"),
     ("locked", "no")],
)  # fmt: skip
def test_each_mode_by_what_becomes_of_a_question(start: Start, mode: str, result: str) -> None:
    asked: list[Question] = []

    def ask(question: Question) -> bool:
        asked.append(question)
        return True

    project = start(ASK, {"lead": [SUM]}, ask=ask, permissions=mode)
    lead(project)
    text = run(project).text
    assert text.startswith("Error: Not permitted: mode" if result == "no" else "3")
    assert len(asked) == (result == "yes")


def test_a_question_of_a_sub_agent_comes_with_its_chain(start: Start) -> None:
    asked: list[Question] = []

    def ask(question: Question) -> bool:
        asked.append(question)
        return len(asked) == 1

    project = start(
        '[tools]\nask = ["calculator"]\nallow = ["*"]\n[agents.lead.tools]\ndeny = ["python"]\n',
        {
            "lead": [call("helper", input="Add.")],
            "helper": [SUM, call("calculator", expression="9"), call("python", code="print(1)")],
        },
        ask=ask,
    )
    agent(project, "helper", "tools: [calculator, python]\npolicy:\n  max_steps: 6")
    lead(project, "tools: []\nagents: [helper]")
    answer = run(project)
    yes, no, denied = answer.text.split(" / ")
    assert yes == "3"
    assert "a person said no" in no
    assert '[agents.lead.tools] deny "python"' in denied
    assert [question.who for question in asked] == [("lead", "helper")] * 2
    assert any(note.startswith("lead → helper was not permitted python") for note in answer.notes)


def test_the_policys_own_calls_of_memory_and_environment_are_judged_too(start: Start) -> None:
    project = start(
        '[tools]\ndeny = ["workspace.write(path=*.py)", "semantic.remember"]\nallow = ["*"]', {}
    )
    agent(
        project,
        "lead",
        "environment: workspace\nmemory: semantic",
        "from agp.runtime import Answer\n\n\nclass Policy:\n    async def run(self, run):\n"
        "        said = []\n"
        "        for call in (\n"
        "            (run.environment, 'write', {'path': 'a.py', 'text': ''}),\n"
        "            (run.environment, 'write', {'path': 'agp.toml', 'text': ''}),\n"
        "            (run.environment, 'write', {'path': 'a.txt', 'text': ''}),\n"
        "            (run.memory, 'remember', {'text': 'I was here.'}),\n"
        "        ):\n"
        "            try:\n                await call[0].call(*call[1:])\n"
        "                said.append('done')\n"
        "            except ValueError as error:\n"
        "                said.append(type(error).__name__)\n"
        "        return Answer(text=' '.join(said))\n",
    )
    project.registry.init(project.roots)
    assert run(project).text == "Denied Denied done Denied"


@pytest.mark.parametrize(("mode", "kept"), [("default", 1), ("plan", 0), ("locked", 0)])
def test_what_was_remembered_is_committed_only_where_the_mode_commits(
    start: Start, mode: str, kept: int
) -> None:
    remember = call("semantic__remember", text="Seven is a prime.")
    project = start('[tools]\nallow = ["*"]', {"lead": [remember]}, permissions=mode)
    lead(project, "memory: semantic\ntools: []")
    before = project.registry.view().refs
    run(project)
    assert len(set(project.registry.view().refs.values()) - set(before.values())) == kept


async def test_questions_are_asked_one_at_a_time_and_a_cancelled_one_is_no_answer() -> None:
    open_, most = 0, 0
    waiting = asyncio.Event()

    class Slow:
        name = "slow"

        async def ask(self, question: Question) -> Reply:
            nonlocal open_, most
            open_ += 1
            most = max(most, open_)
            try:
                if question.details[0][1] == "wait":
                    waiting.set()
                    await asyncio.Event().wait()
                await asyncio.sleep(0)
                return Reply.YES
            finally:
                open_ -= 1

    permissions = Permissions(policy('[tools]\nask = ["*"]'), asker=Slow())

    async def demand(text: str) -> str:
        asked = ActionRequest(("lead",), "tool/it", "it", {"x": text})
        return (await permissions.demand(asked)).verdict

    assert await asyncio.gather(*(demand(str(n)) for n in range(5))) == ["ask"] * 5
    assert most == 1
    stuck = asyncio.create_task(demand("wait"))
    await waiting.wait()
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    assert await asyncio.wait_for(demand("6"), 5) == "ask"


async def test_a_yes_that_cannot_be_audited_is_none() -> None:
    class Broken:
        read_only = False

        def write(self) -> Any:
            raise AgpError("the disk is full")

    class Willing:
        name = "willing"

        async def ask(self, question: Question) -> Reply:
            return Reply.YES

    permissions = Permissions(
        policy('[tools]\nask = ["*"]'),
        asker=Willing(),
        database=Broken(),  # type: ignore[arg-type]
    )
    with pytest.raises(AgpError, match="disk is full"):
        await permissions.demand(ActionRequest(("lead",), "tool/it", "it"))


async def test_what_a_person_sees_cannot_steer_the_terminal_and_holds_no_secret() -> None:
    seen: list[Question] = []

    class Curious:
        name = "curious"

        async def ask(self, question: Question) -> Reply:
            seen.append(question)
            return Reply.NO

    permissions = Permissions(policy('[tools]\nask = ["*"]'), asker=Curious())
    key = "sk-proj-" + "aB3dE5fG7hJ9kL1mN3pQ5rS7" * 2
    arguments = {"a": "x\x1b[2J\u202ey", "b": {"key": key}, "c": "long " * 5000}
    with pytest.raises(Denied):
        await permissions.demand(ActionRequest(("lead",), "tool/it", "it", arguments))
    details = dict(seen[0].details)
    assert details["a"] == "x\\u{1b}[2J\\u{202e}y"
    assert key not in details["b"]
    assert "characters left out" in details["c"]


def test_another_policy_is_noted_when_the_project_opens(start: Start) -> None:
    project = start("", {})
    assert audited(project, "policy") == []  # it says what holds without a file
    digests = [project.permissions.policy.digest]
    for text in ("mode = 'auto'", "mode = 'auto'  # the same", "mode = 'locked'", ""):
        project.close()
        project = start(text, {})
        digests.append(project.permissions.policy.digest)
    entries = audited(project, "policy")
    assert [(each["before"], each["after"]) for each in entries] == [
        (digests[0], digests[1]),
        (digests[1], digests[3]),
        (digests[3], digests[4]),
    ]
    assert [each["mode"] for each in entries] == ["auto", "locked", "default"]
