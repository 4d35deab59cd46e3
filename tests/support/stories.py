"""Word problems in a few sentences, with short answers: what tables of answers are made for."""

from __future__ import annotations

from agp.evaluation.splits import Splits
from agp.evaluation.types import Sample
from agp.runtime import Task

FORM = "Give the final answer as a number between <answer> and </answer>."
STORIES = (
    (
        "On the ferry, Janet counted 40 gulls behind the stern. A quarter of them flew ashore at "
        "the first pier, and 6 more left at the lighthouse. How many still followed?",
        "24",
    ),
    (
        "A tailor trims every cloak with 3 metres of silk ribbon. How many metres does he cut for "
        "twelve cloaks?",
        "36",
    ),
    (
        "At the climbing wall, Kylar pays 9 for the ticket and 7 for shoes. He goes there once a "
        "week, four times in all. What has he spent?",
        "64",
    ),
    (
        "The night train to Toulouse carries 130 passengers in each direction. How many travel on "
        "one night in both trains?",
        "260",
    ),
    (
        "Carla plays the cello for 25 minutes before school and 15 minutes after it, on the four "
        "days when the music room is open. How many minutes is that?",
        "160",
    ),
    (
        "Eliza paints murals. The wall of the library earns her 300, the garage a fifth of that, "
        "and the swimming hall 100. How much is it altogether?",
        "460",
    ),
    (
        "An atlas had 120 downloads on Friday, twice that number on Saturday, and then the server "
        "allowed only 6 more. Count all the downloads.",
        "366",
    ),
    (
        "For the fair, volunteers fried 700 doughnuts. The mayor dropped half a dozen of them into "
        "the fountain. How many doughnuts could be sold?",
        "694",
    ),
    (
        "A lemon tree bears nothing for five years and then ripens one lemon more each season: 1, "
        "2, 3 and so on. In which year do gardeners pick the eighth harvest?",
        "13",
    ),
    (
        "Melanie repairs vacuum cleaners. She mended five on Monday, as many on Tuesday, and eight "
        "on Wednesday before the shop closed. How many run again?",
        "18",
    ),
)


def stories() -> list[Sample]:
    """Ten samples of one benchmark."""
    return [
        Sample(id=f"story/{n}", task=Task(input=f"{text}\n\n{FORM}"), target=answer)
        for n, (text, answer) in enumerate(STORIES)
    ]


def story_splits() -> Splits:
    """Two feedback, three selection and five holdout samples."""
    samples = stories()
    return Splits(feedback=samples[:2], selection=samples[2:5], holdout=samples[5:])
