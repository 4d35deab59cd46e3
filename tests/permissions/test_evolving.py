"""What may evolve: the envelope at every step, each mode at the gate, and who is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agp.audit import log as audit
from agp.errors import EditError, InputError
from agp.models.types import ModelRequest
from agp.permissions import ChangeRequest, Mode, Permissions, Policy, Question
from agp.permissions.changes import changes_between, kind_of
from agp.permissions.decisions import in_mode
from agp.permissions.judging import judge_change
from agp.permissions.policy import EvolveRule
from agp.project import Project
from agp.rspl.entities import ResourceId
from agp.runs.journal import Journal
from agp.sepl.edits import Patch, Replace, apply_edits
from agp.sepl.envelope import Envelope
from agp.sepl.report import EvolveReport
from agp.sepl.variables import Mode as Evolves
from agp.sepl.variables import lift, trainable
from tests.conftest import MakeProject
from tests.permissions.support import policy
from tests.support.echo import Echo, causes, is_operator, is_reflect, number_in, rewrite, system_of

PROMPT = ResourceId.parse("prompt/solver")
SOLVER = ResourceId.parse("agent/solver")
CALLING = ResourceId.parse("agent/tool_calling")
GOOD = "Always say the number."
Start = Callable[..., Project]


@pytest.fixture
def start(make_project: MakeProject, tmp_path: Path) -> Start:
    """A project with a policy file, on a model that gets better with the prompt it proposes."""

    def make(text: str = "", proposal: str = GOOD, **settings: Any) -> Project:
        def script(request: ModelRequest) -> str:
            if is_reflect(request):
                return causes()
            if is_operator(request):
                return rewrite(request, proposal)
            number = number_in(request)
            right = proposal in system_of(request) or number % 3 == 0
            return str(number) if right else "no idea"

        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        (folder / "agp.policy.toml").write_text(text)
        return make_project(script, **settings)

    return make


def evolve(project: Project, **settings: Any) -> EvolveReport:
    return project.evolve(Echo(60), rounds=1, candidates=1, **settings)


def entries(project: Project, kind: str) -> list[dict[str, Any]]:
    with project.database.read() as session:
        return [entry.payload for entry in audit.newest(session, kind=kind)]


@pytest.mark.parametrize(
    ("mode", "committed"),
    [("default", True), ("plan", False), ("ask", False), ("auto", True), ("dontAsk", True)],
)
def test_a_permitted_change_in_each_mode_with_nobody_to_ask(
    start: Start, mode: str, committed: bool
) -> None:
    project = start(permissions=mode)
    before = project.registry.view().refs
    report = evolve(project)
    assert report.decision is not None
    assert bool(report.commit) == report.decision.accepted == committed
    assert (project.registry.view().refs != before) == committed
    if not committed:
        (entry,) = entries(project, "rejection")
        reason = "mode plan: nothing is committed" if mode == "plan" else "nobody to ask"
        assert reason in entry["verdict"]["reason"]
        assert "p = " in entry["verdict"]["reason"]
        assert reason in report.conclusion


def test_nothing_evolves_in_mode_locked_and_nothing_is_spent(start: Start) -> None:
    project = start("mode = 'locked'")
    with pytest.raises(InputError, match="Nothing may change in mode locked"):
        evolve(project)
    assert not Journal.reopen(project.database, _newest(project)).begun
    refined = project.evolve(Echo(6), mode="solution", rounds=1)
    assert refined.vanilla is not None


def _newest(project: Project) -> str:
    from agp.runs.journal import list_runs

    return list_runs(project.database, 1)[0].id


@pytest.mark.parametrize("yes", [True, False])
def test_a_person_is_shown_the_change_before_it_is_committed(start: Start, yes: bool) -> None:
    asked: list[Question] = []

    def ask(question: Question) -> bool:
        asked.append(question)
        return yes

    project = start('[[evolve]]\nresource = "prompt/*"\nverdict = "ask"\n', ask=ask)
    report = evolve(project)
    (question,) = asked
    assert question.kind == "change"
    assert question.what == "prompt/solver"
    assert question.who == (f"run {report.run}",)
    assert f"+{GOOD}" in dict(question.details)["prompt/solver"].replace("+  ", "+")
    assert bool(report.commit) == yes
    (entry,) = entries(project, "permission")
    assert entry["answer"] == ("yes" if yes else "no")
    assert ("a person said no" in report.conclusion) == (not yes)


@pytest.mark.parametrize("mode", ["default", "auto", "dontAsk"])
def test_a_new_capability_is_never_committed_without_a_person(start: Start, mode: str) -> None:
    asked: list[Question] = []

    def ask(question: Question) -> bool:
        asked.append(question)
        return False

    proposal = f"{GOOD} See https://evil.example.org/a."
    project = start("", proposal, permissions=mode, ask=ask)
    report = evolve(project)
    assert report.decision is not None
    assert report.commit is None
    assert "host:evil.example.org" in report.decision.reason
    assert len(asked) == (mode != "dontAsk")
    assert all("host:evil.example.org" in str(question.details) for question in asked)


def test_a_change_beyond_the_envelope_is_refused_unrun_by_its_name(start: Start) -> None:
    rule = '[[evolve]]\nresource = "prompt/*"\nverdict = "allow"\n'
    short = start(f"{rule}size = 10\n")
    report = evolve(short)
    (line,) = report.proposals
    assert (line.verdict.rule, line.verdict.accepted) == ("edit", False)
    assert line.verdict.reason.startswith("envelope: ")
    short.close()
    closed = start(f'{rule}[[evolve]]\nresource = "*"\nfield = "params/system"\nverdict = "deny"\n')
    theta = trainable(lift(closed.registry.view(), SOLVER, Evolves.PROMPT, _envelope(closed)))
    assert theta
    assert "prompt/solver:params/system" not in theta


def test_no_edit_leads_to_the_policy_the_gate_the_budget_or_a_marker(start: Start) -> None:
    project = start(permissions="auto")
    view = project.registry.view()
    envelope = Envelope(project.permissions.for_run(), ["*", "*/*:*", "agp.policy.toml"])
    theta = trainable(lift(view, CALLING, Evolves.JOINT, envelope))
    assert any(name.startswith("tool/") for name in theta)
    for name in (
        "agp.policy.toml:mode",
        "policy:evolve",
        "gate:alpha",
        "budget:calls",
        "audit:log",
        "prompt/tool_calling:evolvable",
        "prompt/tool_calling:metadata",
        "agent/tool_calling:params/policy/max_steps",
    ):
        assert name not in theta
        with pytest.raises(EditError, match="^envelope: "):
            apply_edits(view, theta, [Replace(variable=name, value="auto")], envelope)


def test_what_is_closed_by_default_opens_only_if_it_is_asked_for_and_permitted(
    start: Start,
) -> None:
    project = start()
    view = project.registry.view()
    code = "tool/python:implementation/files/tool.py"

    def open_(mode: Evolves, text: str, *globs: str) -> set[str]:
        permissions = Permissions(policy(text))
        return set(trainable(lift(view, CALLING, mode, Envelope(permissions, globs))))

    assert code not in open_(Evolves.PROMPT, "")
    assert code in open_(Evolves.PROMPT, "", "tool/python")
    assert code in open_(Evolves.PROMPT, "", "tool/*:implementation/*")
    assert code not in open_(Evolves.PROMPT, "", "tool/*:description")
    assert code not in open_(Evolves.SOLUTION, "", "tool/*")
    assert code not in open_(Evolves.PROMPT, "mode = 'dontAsk'", "tool/*")
    assert code not in open_(Evolves.PROMPT, "evolve = []", "tool/*")
    assert open_(Evolves.PROMPT, "evolve = []", "*/*") == set()
    with pytest.raises(InputError, match="opens nothing of agent/solver"):
        evolve(project, evolve=["tool/nothing"])


def test_the_policy_is_part_of_the_run_and_another_one_is_noted_on_resume(start: Start) -> None:
    project = start(permissions="plan")
    report = evolve(project)
    config = Journal.reopen(project.database, report.run).config
    assert config["policy"] == project.permissions.policy.digest
    assert config["permissions"] == "plan"
    assert report.plan is not None
    assert "mode plan" in report.plan.envelope
    assert len(report.plan.envelope.splitlines()) == 2


# -- the rules themselves --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("Answer.", "Answer.\n\nBe brief.", "insert"),
        ("Answer.", "First.\n\nAnswer.", "insert"),
        ("", "All new.", "insert"),
        ("one two three four", "one two 3 four", "patch"),
        ("one two three four", "something else entirely", "replace"),
        ([{"a": 1}], [{"a": 1}, {"b": 2}], "insert"),
        ([{"a": 1}], [], "replace"),
        ({"max_steps": 4}, {"max_steps": 9}, "patch"),
    ],
)
def test_the_kind_of_a_change_is_what_it_does(old: Any, new: Any, kind: str) -> None:
    assert kind_of(old, new) == kind


def test_a_patch_that_swaps_everything_is_a_replacement(start: Start) -> None:
    view = start().registry.view()
    rule = '[[evolve]]\nresource = "prompt/*"\nchanges = ["patch"]\nverdict = "allow"\n'
    envelope = Envelope(Permissions(policy(rule)))
    theta = trainable(lift(view, SOLVER, Evolves.PROMPT, envelope))
    name = "prompt/solver:params/system"
    old = theta[name].value
    with pytest.raises(EditError, match=r"envelope: .*replace"):
        apply_edits(view, theta, [Patch(variable=name, old=old, new="Other.")], envelope)
    word = old.split()[0]
    (record,) = apply_edits(
        view, theta, [Replace(variable=name, value=old.replace(word, "Do", 1))], envelope
    )
    assert record.params["system"].startswith("Do")


RULES = """\
[[evolve]]
resource = "prompt/*"
growth = 100
verdict = "allow"

[[evolve]]
resource = "prompt/*"
changes = ["replace"]
verdict = "ask"

[[evolve]]
resource = "prompt/fixed"
changes = ["patch"]
verdict = "deny"

[[evolve]]
resource = "tool/*"
field = "description"
capabilities = "deny"
verdict = "ask"
"""


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        (ChangeRequest("prompt/a", "params/system", "insert", 50, 50), "allow"),
        (ChangeRequest("prompt/a", "params/system", "replace", 50, 50), "ask"),
        (ChangeRequest("prompt/a", "params/system", "insert", 500, 200), "ask"),
        (ChangeRequest("prompt/a", "params/system", "insert", 9000, 5000), "deny"),
        (ChangeRequest("prompt/a", "*", "delete"), "deny"),
        (ChangeRequest("prompt/fixed", "params/system", "insert", 5, 5), "allow"),
        (ChangeRequest("prompt/fixed", "params/system", "patch", 5, 5), "deny"),
        (ChangeRequest("prompt/fixed", "params/system", "replace", 5, 5), "deny"),
        (ChangeRequest("prompt/a", "params/system", "insert", 5, 5, ("host:x",)), "ask"),
        (ChangeRequest("tool/a", "description", "insert", 5, 5), "ask"),
        (ChangeRequest("tool/a", "description", "insert", 5, 5, ("host:x",)), "deny"),
        (ChangeRequest("tool/a", "implementation/files/tool.py", "insert", 5, 5), "deny"),
        (ChangeRequest("memory/a", "params/items", "insert", 5, 5), "deny"),
        (ChangeRequest("prompt/a", "metadata/requires", "insert", 5, 5), "deny"),
        (ChangeRequest("prompt/a", "evolvable", "replace", 5, 0), "deny"),
        (ChangeRequest("agp.policy.toml", "mode", "replace", 5, 0), "deny"),
    ],
)
def test_what_the_rules_say_of_a_change(asked: ChangeRequest, verdict: str) -> None:
    assert judge_change(policy(RULES), asked).verdict == verdict


GLOB = st.sampled_from(["*", "prompt/*", "tool/*", "prompt/a"])
EVOLVE = st.builds(
    EvolveRule,
    resource=GLOB,
    field=st.sampled_from(["*", "params/*", "description"]),
    changes=st.lists(st.sampled_from(["insert", "patch", "replace"]), min_size=1, max_size=2),
    growth=st.none() | st.integers(0, 100),
    size=st.none() | st.integers(0, 100),
    capabilities=st.sampled_from(["ask", "deny"]),
    verdict=st.sampled_from(["allow", "ask", "deny"]),
)
CHANGE = st.builds(
    ChangeRequest,
    st.sampled_from(["prompt/a", "tool/a"]),
    st.sampled_from(["params/system", "description", "params/policy"]),
    st.sampled_from(["insert", "patch", "replace", "create", "delete"]),
    st.integers(0, 120),
    st.integers(0, 120),
    st.sampled_from([(), ("host:x",)]),
)
STRICTNESS = {"allow": 0, "ask": 1, "deny": 2}


@settings(max_examples=300)
@given(st.lists(EVOLVE, max_size=4), CHANGE, EVOLVE, st.sampled_from(Mode), st.randoms())
def test_changes_too_another_deny_never_permits_more_and_the_order_does_not_count(
    rules: list[EvolveRule], asked: ChangeRequest, more: EvolveRule, mode: Mode, random: Any
) -> None:
    def strict(*found: EvolveRule) -> int:
        permissions = Permissions(Policy(evolve=found), mode)
        return STRICTNESS[permissions.change(asked).verdict]

    deny = more.model_copy(update={"verdict": "deny"})
    assert strict(*rules, deny) >= strict(*rules)
    assert strict(*random.sample(rules, len(rules))) == strict(*rules)
    larger = replace(asked, growth=asked.growth + 50, size=asked.size + 50)
    assert STRICTNESS[Permissions(Policy(evolve=tuple(rules)), mode).change(larger).verdict] >= (
        strict(*rules)
    )


def test_looser_limits_ask_a_person_even_in_mode_auto() -> None:
    limits = ChangeRequest("agent/a", "params/policy", "patch", 5, 1)
    described = ChangeRequest("agent/a", "description", "patch", 5, 1)
    assert in_mode(Mode.AUTO, judge_change(Policy(), limits)).verdict == "ask"
    assert in_mode(Mode.AUTO, judge_change(Policy(), described)).verdict == "allow"


def test_every_field_that_differs_is_judged(start: Start) -> None:
    view = start().registry.view()
    before = view.record(CALLING)
    body = before.body()
    body["params"] = {**body["params"], "tools": ["calculator"], "policy": {"max_steps": 99}}
    body["metadata"] = {"tags": ["x"]}
    body["evolvable"] = not body["evolvable"]
    body["description"] += " More."
    after = type(before).read(body)
    fields = {each.field for each in changes_between(before, after)}
    assert fields == {"params/tools", "params/policy", "metadata/tags", "evolvable", "description"}
    verdicts = {judge_change(Policy(), each).verdict for each in changes_between(before, after)}
    assert "deny" in verdicts
    (gone,) = changes_between(before, None)
    assert (gone.kind, judge_change(Policy(), gone).verdict) == ("delete", "deny")


def _envelope(project: Project) -> Envelope:
    return Envelope(project.permissions.for_run())
