"""A variable of each entity type evolves once, through a whole evolution, and goes live."""

from __future__ import annotations

from typing import Any

import pytest

from agp.models.types import ModelRequest
from agp.rspl.entities import EntityType, Implementation, Record, ResourceId
from agp.rspl.view import View
from agp.sepl.edits import Bind, Edit, Patch, Replace, Unbind
from agp.sepl.lab import Lab
from agp.sepl.messages import Modifications, Proposal, Traces
from agp.sepl.operators import Composition
from agp.sepl.optimizer import Optimizer
from agp.sepl.optimizers import OPTIMIZERS
from agp.sepl.steps.commit import Commit
from agp.sepl.steps.execute import Execute
from agp.sepl.steps.improve import Improve
from agp.sepl.steps.screen import Screen
from tests.conftest import MakeProject
from tests.rspl.helpers import prompt
from tests.support.echo import Echo, number_in, system_of

POLICY = '''
from agp.runtime import AgentRun, Answer

class Policy:
    """The answer of the model, with what every other resource adds to it."""

    def __init__(self, ending: str = "") -> None:
        self.ending = ending

    async def run(self, run: AgentRun) -> Answer:
        reply = await run.complete(run.messages())
        text = reply.text + self.ending
        for schema in run.tools.schemas:
            name = schema["function"]["name"]
            if name in ("polish", "spoil"):
                text = (await run.tools.call(name, {"text": text})).text
        text += await run.memory.call("recall", {})
        text += await run.environment.call("look", {})
        return Answer(text=text.strip())
'''
TOOL = '''
def polish(text: str) -> str:
    """Polish a text."""
    return text + MARK
'''
STATE = '''
class {name}:
    """Words."""

    content = "words"

    def __init__(self, words: str = "") -> None:
        self.words = words

    def {action}(self) -> str:
        """Say the words."""
        return self.words
'''


def record(type_: EntityType, name: str, file: str, entry: str, code: str, **params: Any) -> Record:
    return Record(
        type=type_,
        name=name,
        description=name,
        implementation=Implementation(kind="source", entry=f"{file}:{entry}", files={file: code}),
        params=params,
    )


def described(kind: Record) -> Record:
    from agp.rspl.kinds import KINDS
    from tests.rspl.helpers import trust

    return KINDS[kind.type].described(trust(kind))


def resources(broken: str) -> list[Record]:
    """An agent of everything, all of it as it should be but for what is ``broken``."""
    words = {part: "x" if part == broken else "" for part in ("memory", "environment", "settings")}
    mark = "MARK = 'x'\n" if broken == "tool" else "MARK = ''\n"
    memory = STATE.format(name="Memory", action="recall")
    world = STATE.format(name="Environment", action="look")
    code = POLICY
    if broken == "code":
        code = code.replace("self.ending = ending", "self.ending = ending + 'x'")
    agent = record(
        EntityType.AGENT,
        "everything",
        "policy.py",
        "Policy",
        code,
        prompt="everything",
        tools=["polish"] if broken != "binding" else ["spoil"],
        agents=[],
        memory="words",
        environment="words",
        model="solver",
        policy={"ending": words["settings"]},
    )
    tools = [
        record(EntityType.TOOL, "polish", "tool.py", "polish", mark + TOOL),
        record(EntityType.TOOL, "spoil", "tool.py", "polish", "MARK = 'y'\n" + TOOL),
    ]
    return [
        prompt("everything", system="Say x." if broken == "prompt" else "Say it."),
        *map(described, tools),
        described(
            record(EntityType.MEMORY, "words", "memory.py", "Memory", memory, words=words["memory"])
        ),
        described(
            record(
                EntityType.ENVIRONMENT,
                "words",
                "environment.py",
                "Environment",
                world,
                words=words["environment"],
            )
        ),
        agent,
    ]


class Fixed:
    """Proposes the same edits every time."""

    name = "fixed"

    def __init__(self, edits: list[Edit]) -> None:
        self.edits = edits

    async def __call__(self, view: View, message: Traces, /) -> tuple[View, Modifications]:
        id_ = f"r{message.round}c1"
        proposal = Proposal(id=id_, strategy="fixed", rationale="", edits=self.edits)
        return view, Modifications(round=message.round, traces=message, items=[proposal])


def script(request: ModelRequest) -> str:
    return f"{number_in(request)}{'x' if 'x' in system_of(request) else ''}"


AGENT = "agent/everything"
EDITS: dict[str, list[Edit]] = {
    "prompt": [Replace(variable="prompt/everything:params/system", value="Say it.")],
    "settings": [Replace(variable=f"{AGENT}:params/policy", value={"ending": ""})],
    "code": [
        Patch(variable=f"{AGENT}:implementation/files/policy.py", old="ending + 'x'", new="ending")
    ],
    "binding": [
        Unbind(variable=f"{AGENT}:params/tools", name="spoil"),
        Bind(variable=f"{AGENT}:params/tools", name="polish"),
    ],
    "tool": [
        Patch(
            variable="tool/polish:implementation/files/tool.py",
            old="MARK = 'x'",
            new="MARK = ''",
        )
    ],
    "memory": [Replace(variable="memory/words:params/words", value="")],
    "environment": [Replace(variable="environment/words:params/words", value="")],
}


@pytest.mark.parametrize("what", list(EDITS))
def test_one_variable_of_each_type_goes_live(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def fixed(lab: Lab) -> Optimizer:
        propose = Composition(Execute(lab), Fixed(EDITS[what]), Improve(lab))
        return Optimizer(propose=propose, assess=Screen(lab), commit=Commit(lab))

    monkeypatch.setitem(OPTIMIZERS, "fixed", fixed)
    project = make_project(script, ask=lambda _: True)
    for each in resources(what):
        project.registry.register(each)
    variable = EDITS[what][0].variable
    report = project.evolve(
        Echo(14),
        agent="everything",
        optimizer="fixed",
        rounds=1,
        evolve=[] if what == "prompt" else [variable],
    )
    assert report.vanilla is not None
    assert report.evolved is not None
    assert (report.vanilla.mean, report.evolved.mean) == (0.0, 1.0), report.conclusion
    assert report.commit
    commit = project.history.find_commit(report.commit)
    assert [change.resource for change in commit.changes] == [
        ResourceId.parse(variable.partition(":")[0])
    ]
    assert project.run("everything", "Say the number 4.").text == "4"
