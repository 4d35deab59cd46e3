"""Writing the tool (and the helper) that an agent misses, through whole evolutions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agp.evaluation.types import DataRequest, Sample, Score
from agp.models.types import Completion, ModelRequest, ToolCall
from agp.permissions import Question
from agp.project import Project
from agp.rspl.confined.functions import ConfinedFunction
from agp.rspl.entities import ResourceId
from agp.rspl.kinds.actions import Function
from agp.runs.journal import Journal
from agp.runtime.types import Task
from agp.sepl.report import EvolveReport
from tests.conftest import MakeProject
from tests.support.echo import Echo, causes, is_operator, is_reflect, offered
from tests.support.untrusted import unique

AGENT = ResourceId.parse("agent/tool_calling")
TOOL = ResourceId.parse("tool/gen_shout")
HELPER = ResourceId.parse("agent/shouter")
SHOUT = '''def shout(text: str) -> str:
    """Write a text in capitals with an exclamation mark."""
    return text.upper() + "!"
'''
TESTS = [
    {"arguments": {"text": "a"}, "check": "equals", "expected": "A!"},
    {"arguments": {"text": "go"}, "check": "contains", "expected": "GO"},
]


class Shouting(Echo):
    """Say a word as the shout of it; only who has the tool, or the helper, knows how."""

    name = "shouting"
    agent = "tool_calling"

    def load(self, request: DataRequest) -> list[Sample]:
        words = [f"w{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(self.size)]
        return [
            Sample(id=f"s/{w}", task=Task(input=f"Shout the word {w} ."), target=f"{w.upper()}!")
            for w in words
        ]

    async def score(self, sample: Sample, text: str) -> Score:
        return Score(value=float(text == sample.target), answer=text)


Script = Callable[[ModelRequest], "str | Completion"]


def model(source: str, tests: list[dict[str, Any]], change: str = "create.tool") -> Script:
    """A model that uses what it is given, and asks for a tool or a helper."""

    def script(request: ModelRequest) -> str | Completion:
        if is_reflect(request):
            return causes("It cannot shout.")
        if is_operator(request):
            return propose(request)
        return solve(request)

    def propose(request: ModelRequest) -> str:
        fields = (request.reply_schema or {})["properties"]
        if "change" in fields:
            wanted = next(c for c in offered(request) if c.startswith(change))
            return json.dumps({"change": wanted, "text": "It should shout."})
        if "tests" in fields:
            told = str(request.messages)
            assert "upper" not in told  # who tests does not see how the tool does it
            assert "exclamation mark" in told
            return json.dumps({"tests": tests})
        if "source" in fields:
            return json.dumps({"name": "shout", "source": f"```python\n{source}```"})
        helper = {"name": "Shouter", "description": "Shouts.", "instructions": "You shout."}
        return json.dumps({**helper, "tools": []})

    def solve(request: ModelRequest) -> str | Completion:
        last = request.messages[-1]
        results = [m["content"] for m in request.messages if m["role"] == "tool"]
        if results:
            return results[-1]
        word = last["content"].rsplit("word ", 1)[1].split()[0]
        if "You shout." in request.messages[0]["content"]:
            return f"{word.upper()}!"
        named = [t["function"]["name"] for t in request.tools or []]
        if "gen_shout" in named:
            call = ToolCall(id="1", name="gen_shout", arguments={"text": word}, raw="{}")
            return Completion(text="", tool_calls=[call])
        if "shouter" in named:
            arguments = {"input": f"the word {word} ."}
            call = ToolCall(id="1", name="shouter", arguments=arguments, raw="{}")
            return Completion(text="", tool_calls=[call])
        return "no idea"

    return script


def evolve(project: Project, *opened: str, **settings: Any) -> EvolveReport:
    return project.evolve(
        Shouting(20), rounds=1, candidates=1, screen=2, evolve=list(opened), **settings
    )


def test_a_tool_that_passes_its_tests_goes_live_and_runs_confined_until_approved(
    make_project: MakeProject,
) -> None:
    asked: list[Question] = []

    def ask(question: Question) -> bool:
        asked.append(question)
        return True

    source = unique(SHOUT)
    project = make_project(model(source, TESTS), ask=ask)
    report = evolve(project, "tool/gen_+")
    assert report.decision is not None
    assert report.decision.accepted
    assert report.evolved is not None
    assert report.evolved.mean == 1.0
    (line,) = report.proposals
    assert (line.strategy, set(line.digests)) == ("create.tool", {str(TOOL), str(AGENT)})
    assert report.decision.numbers["sandbox"]  # every evaluation of it was confined
    (question,) = asked
    assert question.kind == "change"
    assert "tool:gen_shout" in str(question.details)
    assert "def gen_shout" in report.changes

    record = project.registry.get_info(TOOL)
    assert record.description == "Write a text in capitals with an exclamation mark."
    assert project.registry.get_info(AGENT).params["tools"] == ["python", "read_file", "gen_shout"]
    assert isinstance(project.registry.get(TOOL), ConfinedFunction)
    assert project.run("tool_calling", "Shout the word hi .").text == "HI!"
    commit = project.history.find_commit(report.commit or "")
    assert {change.resource for change in commit.changes} == {TOOL, AGENT}

    from agp.trust import approve, find, pending

    assert [str(each.resource) for each in pending(project.history)] == [str(TOOL)]
    version = find(project.history, str(TOOL))
    approve(project.history, version, reviewer="user", reason="read it")
    assert isinstance(project.registry.get(TOOL), Function)
    project.registry.rollback(commit.id)
    assert TOOL not in project.registry.view()


def test_nobody_to_ask_keeps_a_new_tool_from_going_live(make_project: MakeProject) -> None:
    project = make_project(model(unique(SHOUT), TESTS), permissions="auto")
    before = project.registry.view().refs
    report = evolve(project, "tool/gen_+")
    assert report.decision is not None
    assert "nobody to ask" in report.decision.reason
    assert project.registry.view().refs == before


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (SHOUT.replace("upper", "lower"), 'the call gen_shout({"text": "a"}) gave "a!"'),
        (SHOUT.replace("text.upper()", "1 / 0"), "ZeroDivisionError"),
        (SHOUT.replace(": str)", ": Any)").replace("Any", "Text"), "cannot be told"),
        ("def shout(text: str) -> str", "line 1"),
    ],
)
def test_a_tool_that_fails_never_costs_an_evaluation(
    make_project: MakeProject, source: str, reason: str
) -> None:
    source = source.replace('"""Write', '"""With an exclamation mark write')
    project = make_project(model(source, TESTS))
    report = evolve(project, "tool/gen_+")
    (line,) = report.proposals
    assert (line.verdict.rule, line.verdict.accepted) == ("edit", False)
    assert reason in line.verdict.reason
    steps = Journal.reopen(project.database, report.run).steps
    assert sum(key.startswith("sample/") for key in steps) == len(report_samples(report))
    assert report.decision is None
    assert TOOL not in project.registry.view()


def report_samples(report: EvolveReport) -> list[int]:
    """The samples that the baseline was measured on: feedback and selection, nothing more."""
    return list(range(report.splits["feedback"] + report.splits["selection"]))


def test_making_is_offered_only_where_the_run_asks_for_it(make_project: MakeProject) -> None:
    offers: list[list[str]] = []

    def script(request: ModelRequest) -> str | Completion:
        if is_operator(request) and not is_reflect(request):
            offers.append(offered(request))
            return json.dumps({"change": offered(request)[0], "text": "Mind."})
        return model(SHOUT, TESTS)(request)

    project = make_project(script)
    evolve(project)
    assert offers
    assert not any("create." in change for change in offers[0])
    evolve(project, "tool/+", "agent/+")
    assert {"create.tool on agent/tool_calling", "create.agent on agent/tool_calling"} <= set(
        offers[-1]
    )


def test_a_helper_is_made_with_a_prompt_of_its_own(make_project: MakeProject) -> None:
    project = make_project(model(SHOUT, TESTS, "create.agent"), ask=lambda _: True)
    report = evolve(project, "agent/+")
    assert report.commit
    assert report.evolved is not None
    assert report.evolved.mean == 1.0
    helper = project.registry.get_info(HELPER)
    assert helper.params["policy"] == project.registry.get_info(AGENT).params["policy"]
    assert project.registry.get("prompt/shouter").system == "You shout."
    assert project.registry.get_info(AGENT).params["agents"] == ["shouter"]


def test_what_was_made_elsewhere_meanwhile_is_not_overwritten(make_project: MakeProject) -> None:
    source = unique(SHOUT)
    script = model(source, TESTS)

    def meddling(request: ModelRequest) -> str | Completion:
        if "tests" in (request.reply_schema or {}).get("properties", {}):
            project.registry.copy("tool/calculator", "gen_shout")
        return script(request)

    project = make_project(meddling, ask=lambda _: True)
    report = evolve(project, "tool/gen_+")
    assert report.commit is None
    assert "tool/gen_shout was changed on main during the run" in report.conclusion
    assert project.registry.get_info(TOOL).description != "Write a text in capitals."
