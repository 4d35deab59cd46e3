"""Budgets under load: runs with 32 concurrent callers, some killed with -9 and resumed.

    python benchmarks/perf/budget.py --runs 1000
    python benchmarks/perf/budget.py --runs 1000 --store postgresql://postgres@127.0.0.1:5432/test

Every run has random limits (calls, tokens, USD, evaluations) and callers that go on until they are
refused; one in five is killed at a random moment, up to three times, and goes on; one in five
shares the budget of an agent with a second run in another process. What calls really cost is
written down outside of agp, before each call is made. Overshoot is what that exceeds the limits by.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from _common import SQLITE, folder, place, table

from agp.budget import Amounts, Books, Budget, Ledger, charged_to
from agp.budget.bounds import most_input_tokens, most_tokens
from agp.budget.manage import set_limits
from agp.errors import BudgetExhausted
from agp.models.manager import ModelManager
from agp.models.types import Completion, ModelRequest, Price, Usage
from agp.stop import Gate
from agp.store.database import Database

CALLERS = 32
PRICE = Price(0.00001, 0.00003)
NAMES = ("calls", "tokens", "cost_usd", "evaluations")
RUNS_A_STORE = 100


class Marking:
    """A model whose calls are written down, with what they really cost, before they are made."""

    def __init__(self, marks: Path) -> None:
        self.marks = os.open(marks, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def mark(self, calls: int, tokens: int, cost: float, evaluations: int) -> None:
        """Note something that costs."""
        os.write(self.marks, f"{calls} {tokens} {cost!r} {evaluations}\n".encode())

    def price(self, request: ModelRequest) -> Price:
        """The price is known."""
        return PRICE

    async def complete(self, request: ModelRequest) -> Completion:
        """Anything from nothing to the worst case."""
        most = most_input_tokens(request), request.max_tokens
        worst = random.random() < 0.2
        read, written = most if worst else (random.randint(1, most[0]), random.randint(1, most[1]))
        cost = read * PRICE.input_usd + written * PRICE.output_usd
        self.mark(1, read + written, cost, 0)
        await asyncio.sleep(random.random() / 200)
        usage = Usage(input_tokens=read, output_tokens=written, cost_usd=cost)
        return Completion(text="x", usage=usage)


def request() -> ModelRequest:
    """Some call."""
    text = "x" * random.randint(1, 2000)
    messages = [{"role": "user", "content": text}]
    return ModelRequest(model="test/m", messages=messages, max_tokens=random.randint(1, 400))


@dataclass
class Job:
    """One run: its limits, and where its calls are written down."""

    run: str
    store: str
    marks: Path
    agent: str
    budget: Budget = field(default_factory=Budget)


async def carry_out(job: Job) -> None:
    """Callers that go on until they are refused."""
    database = Database(job.store)
    backend = Marking(job.marks)
    books = Books(database, job.run)
    ledger = Ledger(job.budget, books)

    async def caller(models: ModelManager) -> None:
        while True:
            if random.random() < 0.3:
                await ledger.evaluation(job.agent)
                backend.mark(0, 0, 0.0, 1)
            await models.complete(request())

    try:
        async with ledger.open(Gate()):
            with charged_to(job.agent):
                models = ModelManager(backends={"test": backend}, meter=ledger, concurrency=CALLERS)
                callers = [asyncio.create_task(caller(models)) for _ in range(CALLERS)]
                ends = await asyncio.gather(*callers, return_exceptions=True)
            for end in ends:
                if not isinstance(end, BudgetExhausted):
                    raise end
            raise ends[0]
    except BudgetExhausted:
        database.close()


def start(job: Job) -> int:
    """The same in a process of its own."""
    process = os.fork()
    if process:
        return process
    try:
        random.seed()
        asyncio.run(carry_out(job))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def finish(process: int, kill: bool) -> bool:
    """Wait for a run, or kill it; whether it ended by itself, in good order."""
    if kill:
        time.sleep(random.uniform(0.01, 0.25))
        os.kill(process, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if status > 0:
        raise SystemExit("A run failed.")
    return status == 0


def limits() -> Budget:
    """At least one limit, of any size."""
    some = {
        "calls": random.randint(0, 200),
        "tokens": random.randint(0, 200_000),
        "cost_usd": random.random() * 2,
        "evaluations": random.randint(0, 60),
    }
    chosen = random.sample(sorted(some), random.randint(1, len(some)))
    return Budget.model_validate({name: some[name] for name in chosen})


def really(*marks: Path) -> Amounts:
    """What was written down."""
    total = Amounts()
    for path in marks:
        for line in path.read_text().splitlines() if path.exists() else []:
            calls, tokens, cost, evaluations = line.split()
            total += Amounts(int(calls), int(tokens), float(cost), 0.0, int(evaluations))
    return total


@dataclass
class Tally:
    """What became of one sort of runs; ``over`` is the largest overshoot in each amount."""

    runs: int = 0
    kills: int = 0
    used: list[float] = field(default_factory=list[float])
    over: dict[str, float] = field(default_factory=lambda: dict.fromkeys(NAMES, 0.0))

    def judge(self, budget: Budget, spent: Amounts) -> None:
        """Hold what was really spent against the limits."""
        self.runs += 1
        shares = [getattr(spent, n) / limit for n, limit in budget.limits().items() if limit]
        self.used.append(max(shares, default=1.0))
        for name, limit in budget.limits().items():
            # sums of floats in another order differ by less than this
            excess = getattr(spent, name) - limit
            self.over[name] = max(self.over[name], excess if excess > 1e-9 else 0.0)


def whole(number: int, store: str, inside: Path, tally: Tally, *, kills: bool) -> None:
    """One run with limits of its own, killed up to three times."""
    job = Job(f"run{number}", store, inside / f"{number}.marks", f"agent{number}", limits())
    left = random.randint(1, 3) if kills else 0
    while not finish(start(job), left > 0):
        left -= 1
        tally.kills += 1
    tally.judge(job.budget, really(job.marks))


def shared(number: int, store: str, inside: Path, tally: Tally) -> None:
    """Two runs at once on the budget of one agent; one of them is killed."""
    budget, agent = limits(), f"agent{number}"
    database = Database(store)
    set_limits(database, f"agent/{agent}", budget.limits(), author="budget.py")
    database.close()
    jobs = [Job(f"run{number}.{n}", store, inside / f"{number}.{n}.marks", agent) for n in (0, 1)]
    processes = [start(job) for job in jobs]
    if not finish(processes[0], kill=True):
        tally.kills += 1
        finish(start(jobs[0]), kill=False)
    finish(processes[1], kill=False)
    tally.judge(budget, really(*(job.marks for job in jobs)))


def main() -> None:
    """Run, and print the overshoot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", metavar="URL", default=SQLITE, help="a PostgreSQL server")
    given = parser.parse_args()
    random.seed(given.seed)
    assert most_tokens(request()) > 0
    tallies = {"to the end": Tally(), "killed, resumed": Tally(), "shared, one killed": Tally()}
    began = time.perf_counter()
    with folder() as inside:
        for first in range(0, given.runs, RUNS_A_STORE):
            with place(given.store, inside) as store:
                Database(store).close()
                for number in range(first, min(first + RUNS_A_STORE, given.runs)):
                    if number % 5 == 0:
                        shared(number, store, inside, tallies["shared, one killed"])
                    else:
                        kills = number % 5 == 1
                        which = "killed, resumed" if kills else "to the end"
                        whole(number, store, inside, tallies[which], kills=kills)
    report(tallies)
    print(f"{given.runs} runs, {CALLERS} callers each: {time.perf_counter() - began:.0f} s")
    overshoot = max(max(tally.over.values()) for tally in tallies.values())
    print(f"overshoot {overshoot:g}")
    sys.exit(1 if overshoot else 0)


def report(tallies: dict[str, Tally]) -> None:
    """A row for each sort of runs: how much of its tightest limit was used, and overshoot."""
    header = ["runs", "number", "kills", "used", *(f"over {name}" for name in NAMES)]
    rows: list[list[object]] = [header]
    for name, tally in tallies.items():
        used = f"{100 * sum(tally.used) / max(1, len(tally.used)):.0f} %"
        over = [f"{tally.over[each]:g}" for each in NAMES]
        rows.append([name, tally.runs, tally.kills, used, *over])
    table(rows)


if __name__ == "__main__":
    main()
