"""The paper's Table 1 in small: vanilla, Prompt-Evo, Solution-Evo and Joint-Evo on a real model.

    python benchmarks/perf/modes.py --folder DIR --data GSM8K_DIR [--only gsm8k-prompt …]

The reflection optimizer, 3 rounds, the embedded model as agent and as reflector. Each cell is a run
in DIR/CELL: run the same command again to go on, also after kill -9; --show prints what is done.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from _cells import cell, finished, line
from _common import table

ROUNDS = 3
GSM8K = {"limit": 200, "feedback": 40, "selection": 60, "holdout": 100}
HUMANEVAL = {"limit": 164, "feedback": 24, "selection": 40, "holdout": 100}


def cells(data: Path | None) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Cell → benchmark, agent, settings of the run."""
    found: dict[str, tuple[str, str, dict[str, Any]]] = {}
    for name, agent, sizes in (("gsm8k", "program", GSM8K), ("humaneval", "solver", HUMANEVAL)):
        for mode in ("solution", "prompt", "joint"):
            settings: dict[str, Any] = {"mode": mode, "rounds": ROUNDS, "limit": sizes["limit"]}
            if mode != "solution":
                settings |= sizes
            if name == "gsm8k":
                settings["data"] = data
            found[f"{name}-{mode}"] = (name, agent, settings)
    return found


def main() -> None:
    """Run what is not done, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the runs are kept")
    parser.add_argument("--data", type=Path, help="GSM8K's data, as for agp bench run gsm8k")
    parser.add_argument("--only", nargs="*", help="cells, in this order")
    parser.add_argument("--show", action="store_true", help="only print what is done")
    given = parser.parse_args()
    every = cells(given.data)
    rows = [("cell", "vanilla", "evolved or refined", "p", "calls", "tokens", "minutes")]
    for name in given.only or every:
        benchmark, agent, settings = every[name]
        folder = given.folder / name
        if given.show and not finished(folder):
            continue
        report = cell(folder, benchmark, agent, settings)
        after = report.evolved or report.refined
        p = report.decision.numbers.get("p") if report.decision else None
        rows.append(
            (
                name,
                line(report.vanilla),
                line(after),
                "-" if p is None else f"{p:.3g}",
                f"{report.spend.calls:,}",
                f"{report.spend.tokens:,}",
                f"{report.wall_seconds / 60:.0f}",
            )
        )
        print(f"{name}: {report.conclusion}", flush=True)
    table(rows)


if __name__ == "__main__":
    main()
