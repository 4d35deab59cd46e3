"""Efficiency (b): optimizers at matched budgets on a real model, as agent and as proposer.

    python benchmarks/perf/optimizers_real.py --folder DIR [--task reasoning_gym:count_bits]

Each optimizer may begin so many samples in its search, on the same feedback and selection samples
of the same seed; whom it prefers then is scored on the same hidden samples. Run the same
command again to go on; --show prints what is done. ``gepa`` needs ``pip install gepa``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from _cells import cell, finished, line
from _common import table

OPTIMIZERS = ("pareto", "gepa", "reflection", "demos", "best_of_n", "random_restart")


def main() -> None:
    """Run what is not done, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the runs are kept")
    parser.add_argument("--task", default="reasoning_gym:count_bits")
    parser.add_argument("--agent", default="program")
    parser.add_argument("--data", type=Path, help="the benchmark's data, where it needs any")
    parser.add_argument("--budget", type=int, default=150, help="samples that a search may begin")
    parser.add_argument(
        "--sizes", type=int, nargs=3, default=(20, 30, 100), help="feedback, selection, holdout"
    )
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--optimizers", nargs="+", default=OPTIMIZERS)
    parser.add_argument("--show", action="store_true", help="only print what is done")
    given = parser.parse_args()
    sizes = dict(zip(("feedback", "selection", "holdout"), given.sizes, strict=True))
    rows = [("optimizer", "seed", "vanilla", "evolved", "p", "samples", "tokens", "minutes")]
    for seed in range(given.seeds):
        for optimizer in given.optimizers:
            name = f"{given.task.replace(':', '-')}-{given.budget}-{optimizer}-{seed}"
            folder = given.folder / name
            if given.show and not finished(folder):
                continue
            settings: dict[str, Any] = {
                **sizes,
                "limit": sum(sizes.values()),
                "seed": seed,
                "optimizer": optimizer,
                "data": given.data,
                "budget": {"evaluations": given.budget + 2 * sizes["holdout"]},
            }
            report = cell(folder, given.task, given.agent, settings)
            p = report.decision.numbers.get("p") if report.decision else None
            rows.append(
                (
                    optimizer,
                    str(seed),
                    line(report.vanilla),
                    line(report.evolved),
                    "-" if p is None else f"{p:.3g}",
                    str(report.spend.evaluations),
                    f"{report.spend.tokens:,}",
                    f"{report.wall_seconds / 60:.0f}",
                )
            )
            print(f"{name}: {report.conclusion}", flush=True)
    table(rows)


if __name__ == "__main__":
    main()
