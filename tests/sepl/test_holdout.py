"""Looks at a holdout over a store: counted before they happen, by the samples they share."""

from __future__ import annotations

from pathlib import Path

import pytest

from agp.evaluation.types import DataRequest, Sample
from agp.runs.journal import Journal
from agp.sepl.gate import Policy, Rule, Spend
from agp.sepl.holdout import Level, level_now, level_numbers, opened
from agp.store.database import Database
from tests.support.echo import Echo

SAMPLES = Echo(40).load(DataRequest())
ALPHA = 0.05
SHARE = ALPHA * 6 / 3.141592653589793**2


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "store.db")


def look(database: Database, samples: list[Sample], policy: Policy | None = None) -> Level:
    return opened(Journal.start(database, "evolve", {}), samples, policy or Policy())


def test_later_looks_share_what_is_left(database: Database) -> None:
    levels = [look(database, SAMPLES[:10]) for _ in range(3)]
    assert [level.look for level in levels] == [1, 2, 3]
    assert levels[0].alpha == ALPHA
    assert levels[1].alpha == pytest.approx(SHARE / 4)
    assert levels[2].alpha == pytest.approx(SHARE / 9)
    assert levels[2].alpha_left == pytest.approx(ALPHA - SHARE * (1 + 1 / 4 + 1 / 9))


def test_always_keeps_all_looks_together_within_alpha(database: Database) -> None:
    policy = Policy(spend=Spend.ALWAYS)
    used = [look(database, SAMPLES[:10], policy).alpha for _ in range(6)]
    assert used[0] == pytest.approx(SHARE)
    assert sum(used) < ALPHA
    never = look(database, SAMPLES[:10], Policy(spend=Spend.NEVER))
    assert (never.look, never.alpha, never.alpha_left) == (7, ALPHA, None)


def test_holdouts_that_share_samples_count_by_their_share(database: Database) -> None:
    look(database, SAMPLES[:20])
    assert level_now(database, SAMPLES[20:], Policy()).look == 1
    few = level_now(database, SAMPLES[16:36], Policy())
    assert (few.look, few.earlier, few.alpha) == (1, pytest.approx(0.2), ALPHA)
    half = level_now(database, SAMPLES[10:30], Policy())
    assert (half.look, half.earlier) == (2, pytest.approx(0.5))
    look(database, SAMPLES[16:36])  # it adds up: 4 + 4 of these 8 samples
    assert level_now(database, SAMPLES[12:20], Policy()).earlier == pytest.approx(1.5)


def test_a_run_knows_of_others_that_have_not_decided_yet(database: Database) -> None:
    one, two = (Journal.start(database, "evolve", {}) for _ in range(2))
    assert opened(one, SAMPLES, Policy()).look == 1
    assert opened(two, SAMPLES, Policy()).look == 2
    again = Journal.reopen(database, one.run)
    assert opened(again, SAMPLES, Policy()).look == 1  # a resumed run keeps its level


def test_decisions_of_earlier_versions_count_by_the_holdout(database: Database) -> None:
    from agp.evaluation.splits import split_digest

    old = Journal.start(database, "evolve", {})
    old.append("decision", "decision", {"verdict": {}, "holdout": split_digest(SAMPLES)})
    assert level_now(database, SAMPLES, Policy()).look == 2
    assert level_now(database, SAMPLES[1:], Policy()).look == 1


def test_the_paper_rule_counts_looks_and_spends_nothing() -> None:
    level = Level(look=2, earlier=1.0, alpha=0.01, alpha_left=0.02)
    assert level_numbers(level, Policy(rule=Rule.NON_DEGRADING)) == {
        "holdout_looks": 2,
        "holdout_seen": 1.0,
    }
    assert level_numbers(level, Policy())["alpha_left"] == 0.02
