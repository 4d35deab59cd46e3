"""How long after `agp stop` the last side effect of a run happens, with 32 calls in flight.

    python benchmarks/perf/stop_drill.py --drills 20
    python benchmarks/perf/stop_drill.py --store postgresql://postgres@127.0.0.1:5432/test

Each drill is a real run in a process of its own, on a store made for it (`agp stop --drill`).
"""

from __future__ import annotations

import argparse
import sys

from _common import SQLITE, figures, folder

from agp.cli.stop_drill import CALLS, drill


def main() -> None:
    """Drill, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drills", type=int, default=10)
    parser.add_argument("--store", metavar="URL", default=SQLITE, help="a PostgreSQL server")
    given = parser.parse_args()
    with folder() as inside:
        location = str(inside / "store.db") if given.store == SQLITE else given.store
        found = [drill(location) for _ in range(given.drills)]
    print(f"{given.drills} drills, {CALLS} calls in flight each, from the order")
    print(f"to the last side effect: {figures([each.quiet_s for each in found])}")
    print(f"to the end of the process: {figures([each.ended_s for each in found])}")
    late, missed = sum(each.late for each in found), sum(not each.stopped for each in found)
    print(f"{late} calls began after the order, {missed} runs were not stopped")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
