"""majority_vote: votes counted by hand, and what a whole run reports."""

from __future__ import annotations

import pytest

from agp.errors import InputError
from agp.evaluation.results import SampleResult
from agp.models.types import ModelRequest
from agp.sepl.voting import majority
from tests.conftest import MakeProject
from tests.support.echo import Echo, number_in


def votes(*answers: str | None) -> list[SampleResult]:
    """One result an answer: "-" is unscored, None could not be read."""
    return [
        SampleResult(
            sample="s",
            sample_digest="s",
            key=str(place),
            score=None if answer == "-" else float(answer == "7"),
            answer=None if answer == "-" else answer,
        )
        for place, answer in enumerate(answers)
    ]


@pytest.mark.parametrize(
    ("answers", "winner"),
    [
        (["7"], 0),
        (["3", "7", "7"], 1),
        (["3", "7", "7", "3"], 0),  # a tie: the earliest
        ([None, None, None, "7"], 3),  # what cannot be read votes for nobody
        ([None, None], 0),
        (["-", "-", "7"], 2),
        (["-", None, "3"], 2),
        (["-", "-"], 0),
    ],
)
def test_votes_by_hand(answers: list[str | None], winner: int) -> None:
    given = votes(*answers)
    assert majority(given) is given[winner]


def test_a_run_reports_single_answers_and_votes(make_project: MakeProject) -> None:
    """Of five answers the first is wrong, the others right: votes of 1, 2 are wrong, of 3 on right.

    After two answers there is a tie, which the earliest wins.
    """
    asked: dict[int, int] = {}

    def script(request: ModelRequest) -> str:
        number = number_in(request)
        asked[number] = asked.get(number, 0) + 1
        return "0" if asked[number] == 1 else str(number)

    project = make_project(script)
    report = project.evolve(Echo(6), optimizer="majority_vote", concurrency=1)
    assert report.attempts == pytest.approx([1 / 6, 1 / 6, 1, 1, 1])  # 0 is right once
    assert report.vanilla is not None
    assert report.refined is not None
    assert (report.vanilla.mean, report.refined.mean) == (pytest.approx(1 / 6), 1.0)
    assert report.commit is None
    assert set(asked.values()) == {5}


@pytest.mark.parametrize("parameters", [{"K": 0}, {"k": 3}, {"temperature": -1}])
def test_wrong_parameters_are_refused(
    make_project: MakeProject, parameters: dict[str, float]
) -> None:
    with pytest.raises(InputError, match="majority_vote: "):
        make_project(lambda _: "0").evolve(
            Echo(6), optimizer="majority_vote", parameters=parameters
        )
