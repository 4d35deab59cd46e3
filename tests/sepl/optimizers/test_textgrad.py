"""TextGrad: two models, gradients that add up until they are followed, and when it stops."""

from __future__ import annotations

from collections.abc import Callable

from agp.models.types import ModelRequest
from agp.rspl.entities import ResourceId
from tests.conftest import MakeProject
from tests.support.echo import Echo, is_operator, number_in, offered, rewrite, system_of
from tests.support.proposing import GOOD, HARMFUL, critique, is_loss, playing

PROMPT = ResourceId.parse("prompt/solver")


class Watched:
    """A scripted model whose requests of each operator are kept."""

    def __init__(
        self, script: Callable[[ModelRequest], str], loss: Callable[[int], str] | None = None
    ) -> None:
        self.script = script
        self.loss = loss
        self.losses: list[ModelRequest] = []
        self.descents: list[ModelRequest] = []

    def __call__(self, request: ModelRequest) -> str:
        if is_loss(request):
            self.losses.append(request)
            if self.loss is not None:
                return self.loss(len(self.losses))
        elif is_operator(request):
            self.descents.append(request)
        return self.script(request)

    def asked_of(self, path: str) -> list[str]:
        """What was asked about a field of the prompt, in order."""
        return [
            request.messages[-1]["content"]
            for request in self.descents
            if any(change.endswith(path) for change in offered(request))
        ]


def test_the_critic_and_the_optimizer_may_be_two_models(make_project: MakeProject) -> None:
    watched = Watched(playing(GOOD, lambda n: n % 3 == 0))
    project = make_project(watched, critic="scripted/critic", reflector="scripted/writer")
    report = project.evolve(Echo(30), optimizer="textgrad", rounds=1)
    assert report.commit
    assert {request.model for request in watched.losses} == {"scripted/critic"}
    assert {request.model for request in watched.descents} == {"scripted/writer"}


def test_without_a_critic_the_reflector_criticises(make_project: MakeProject) -> None:
    watched = Watched(playing(HARMFUL, lambda n: n % 3 == 0))
    project = make_project(watched, reflector="scripted/writer")
    project.evolve(Echo(20), optimizer="textgrad", rounds=1)
    assert {request.model for request in watched.losses} == {"scripted/writer"}


def test_each_failed_sample_of_the_batch_gets_its_critique(make_project: MakeProject) -> None:
    watched = Watched(playing(HARMFUL, lambda n: False))
    make_project(watched).evolve(Echo(20), optimizer="textgrad", rounds=1, parameters={"batch": 4})
    assert len(watched.losses) == 4
    assert len({request.messages[-1]["content"] for request in watched.losses}) == 4


def test_gradients_add_up_while_steps_are_rejected(make_project: MakeProject) -> None:
    watched = Watched(playing(HARMFUL, lambda n: False), lambda n: critique(f"fault {n}."))
    make_project(watched).evolve(
        Echo(20), optimizer="textgrad", rounds=3, parameters={"batch": 1, "buffer": 2}
    )
    first, second, third = watched.asked_of("params/system")
    assert "fault 1." in first
    assert "fault 1." in second
    assert "fault 2." in second
    assert "fault 1." not in third  # the buffer holds two
    assert "fault 2." in third
    assert "fault 3." in third


def test_gradients_that_were_followed_are_gone(make_project: MakeProject) -> None:
    """The first step changes the system text and not the template."""
    proposals = iter(["Say even numbers.", HARMFUL])

    def script(request: ModelRequest) -> str:
        if is_operator(request):
            system = any(change.endswith("params/system") for change in offered(request))
            return rewrite(request, next(proposals) if system else "no placeholder")
        even = number_in(request) % 2 == 0
        return str(number_in(request)) if "even" in system_of(request) and even else "no idea"

    watched = Watched(script, lambda n: critique(f"fault {n}."))
    report = make_project(watched).evolve(
        Echo(40), optimizer="textgrad", rounds=2, screen=8, parameters={"batch": 1}
    )
    assert report.proposals[0].verdict.accepted
    system = watched.asked_of("params/system")
    template = watched.asked_of("params/template")
    assert "fault 1." not in system[1]
    assert "fault 2." in system[1]
    assert "fault 1." in template[1]  # it did not change: its gradients still stand
    assert "fault 2." in template[1]


def test_it_stops_when_nothing_is_left_to_fix(make_project: MakeProject) -> None:
    watched = Watched(
        playing(HARMFUL, lambda n: False), lambda n: critique("Fine.", nothing_to_fix=True)
    )
    report = make_project(watched).evolve(Echo(20), optimizer="textgrad", rounds=5)
    assert len(watched.losses) == 3
    assert watched.descents == []
    assert report.proposals == []


def test_an_unreadable_critique_is_dropped_and_does_not_count_as_fine(
    make_project: MakeProject,
) -> None:
    def loss(number: int) -> str:
        return "no JSON" if number == 2 else critique("Fine.", nothing_to_fix=True)

    watched = Watched(playing(HARMFUL, lambda n: False), loss)
    make_project(watched).evolve(Echo(20), optimizer="textgrad", rounds=2)
    assert len(watched.losses) == 6  # a second round was begun
