"""Shared budgets: no interleaving of processes, settlements and kills exceeds a limit."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agp.budget import accounts
from agp.budget.accounts import GLOBAL, Want, buy, charge, give_back, reopen, run_scope
from agp.budget.amounts import Amounts, Budget
from agp.budget.purse import Purse
from agp.errors import BudgetExhausted
from agp.store.database import Database
from agp.store.tables import AccountRow, ReservationRow

LIMITS = Budget(calls=20, tokens=2_000)


def spent(database: Database, scope: str) -> Amounts:
    """What an account says is spent, and what is set aside in it."""
    with database.read() as session:
        row = session.get(AccountRow, scope)
        gone = Amounts.read(row.spent) if row else Amounts()
        return gone + accounts.reserved(session, scope)


@dataclass
class Caller:
    """One process: a purse of its own, and calls under way with their worst case."""

    holder: str
    purse: Purse = field(default_factory=lambda: Purse(GLOBAL, LIMITS))
    flying: list[Amounts] = field(default_factory=list[Amounts])
    really: Amounts = field(default_factory=Amounts)

    def begin(self, database: Database, need: Amounts) -> bool:
        """Begin a call if the budget has room."""
        if self.purse.lacks(need):
            want = self.purse.want(need, 0.0)
            with database.write() as session:
                database.one_at_a_time(session)
                grant = buy(session, self.holder, self.holder, [want])[0]
            self.purse.take(want, grant, 0.0)
            if grant.refusal is not None:
                return False
        assert self.purse.lacks(need) is None
        self.purse.hold(need)
        self.flying.append(need)
        self.really += need  # what it may have cost by the time the process is killed
        return True

    def end(self, actual: int) -> None:
        """The oldest call ends, and has cost at most its worst case."""
        if self.flying:
            need = self.flying.pop(0)
            cost = Amounts(calls=1, tokens=min(actual, need.tokens))
            self.purse.settle(need, cost)
            self.really += cost - need

    def close(self, database: Database) -> None:
        """End in good order: calls under way stay set aside."""
        with database.write() as session:
            database.one_at_a_time(session)
            give_back(session, self.holder, self.holder, [self.purse.want(Amounts(), 0.0)])


STEP = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["begin", "begin", "end", "kill", "close"]),
    st.integers(0, 600),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=60))
def test_no_interleaving_exceeds_a_limit(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str, int]]
) -> None:
    database = Database(tmp_path_factory.mktemp("store") / "store.db")
    number, real = 3, Amounts()
    callers = [Caller(f"holder{n}") for n in range(3)]
    for which, what, amount in steps:
        caller = callers[which]
        if what == "begin":
            caller.begin(database, Amounts(calls=1, tokens=amount))
        elif what == "end":
            caller.end(amount // 2)
        else:
            if what == "close":
                caller.close(database)
            real += caller.really
            number += 1
            callers[which] = Caller(f"holder{number}")
        total = sum((each.really for each in callers), real)
        assert total.calls <= 20
        assert total.tokens <= 2_000
        kept = spent(database, GLOBAL)
        assert (kept.calls, kept.tokens) <= (20, 2_000)
    for caller in callers:
        caller.close(database)
        real += caller.really
    assert spent(database, GLOBAL).calls >= real.calls
    assert spent(database, GLOBAL).tokens >= real.tokens
    database.close()


def want(scope: str, need: Amounts, limits: Budget = LIMITS) -> Want:
    return Want(scope, limits, Amounts(), Amounts(), need, timed=False)


def test_what_does_not_fit_one_scope_is_taken_from_none(database: Database) -> None:
    small = Budget(calls=0)
    one = Amounts(calls=1)
    with database.write() as session:
        grants = buy(session, "h", "r", [want(GLOBAL, one), want("agent/solver", one, small)])
    assert grants[0].refusal is None
    refusal = grants[1].refusal
    assert refusal is not None
    assert (refusal.scope, refusal.amount, refusal.limit) == ("agent/solver", "calls", 0)
    assert spent(database, GLOBAL) == Amounts()


def test_leftovers_of_a_run_count_as_spent_when_it_goes_on(database: Database) -> None:
    with database.write() as session:
        buy(
            session,
            "killed",
            "r",
            [want(run_scope("r"), Amounts(calls=1)), want(GLOBAL, Amounts(calls=1))],
        )
    held = spent(database, run_scope("r"))
    assert held.calls >= 1
    with database.write() as session:
        reopen(session, "r", Amounts())
        assert session.get(ReservationRow, ("killed", GLOBAL)) is None
    assert spent(database, run_scope("r")) == held
    assert spent(database, GLOBAL).calls >= 1


def test_a_run_has_spent_at_least_what_its_journal_says(database: Database) -> None:
    with database.write() as session:
        reopen(session, "r", Amounts(calls=7, seconds=2.5))
    assert spent(database, run_scope("r")) == Amounts(calls=7, seconds=2.5)


def test_a_commit_is_charged_or_refused_in_its_transaction(database: Database) -> None:
    limits = Budget(commits=1)
    with database.write() as session:
        charge(session, GLOBAL, limits, Amounts(commits=1))
    with pytest.raises(BudgetExhausted, match="1 commits"), database.write() as session:
        charge(session, GLOBAL, limits, Amounts(commits=1))
    assert spent(database, GLOBAL).commits == 1


def test_a_transaction_that_fails_charges_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as session:
        charge(session, GLOBAL, Budget(commits=1), Amounts(commits=1))
        raise RuntimeError
    assert spent(database, GLOBAL).commits == 0


def test_the_narrower_limit_of_store_and_policy_holds(database: Database) -> None:
    with database.write() as session:
        row = AccountRow(scope=GLOBAL, limits={"calls": 3}, spent={"calls": 3}, updated_at="")
        session.add(row)
        session.flush()
        refusal = buy(session, "h", "r", [want(GLOBAL, Amounts(calls=1))])[0].refusal
    assert refusal is not None
    assert (refusal.limit, refusal.spent) == (3, 3)


def test_a_process_that_ended_is_told_from_one_that_runs() -> None:
    mine = accounts.new_holder()
    assert not accounts.is_gone(mine)
    assert accounts.is_gone(f"{mine[:8]}{2**31 - 5:08x}{mine[16:]}")
    assert not accounts.is_gone("another_machine_".ljust(32, "x"))
