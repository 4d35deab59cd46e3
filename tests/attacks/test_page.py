"""docs/attacks.md says what is measured: every attack, and no success on a strong backend."""

from __future__ import annotations

from tests.attacks.backends import NAMES
from tests.attacks.corpus import ATTACKS, TOPICS
from tests.attacks.gate import GATE_ATTACKS
from tests.attacks.runner import Ending
from tests.attacks.table import ABSENT, PAGE, rows

_AGAIN = "python -m tests.attacks.table"


def test_the_page_lists_every_attack_as_it_is() -> None:
    page = rows(PAGE.read_text())
    expected = {each.name: each.tries for each in [*ATTACKS, *GATE_ATTACKS]}
    assert {name: page.get(name, ["missing"])[0] for name in expected} == expected, _AGAIN
    headings = [f"## {topic.capitalize()}" for topic in TOPICS]
    assert all(heading in PAGE.read_text() for heading in headings), _AGAIN


def test_no_attack_succeeds_on_a_strong_backend() -> None:
    page = rows(PAGE.read_text())
    good = {Ending.BLOCKED, Ending.REFUSED, ABSENT}
    for attack in ATTACKS:
        cells = dict(zip(NAMES, page[attack.name][2:], strict=True))
        assert set(cells.values()) <= good, f"{attack.name}: {cells}"
    assert {page[attack.name][2] for attack in GATE_ATTACKS} == {Ending.BLOCKED}


def test_there_are_enough_attacks() -> None:
    assert len(ATTACKS) >= 150
    assert len(GATE_ATTACKS) >= 60
