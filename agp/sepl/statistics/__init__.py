"""The numbers behind the acceptance gate: paired tests, intervals, power, looks.

Pure functions of numbers. Nothing here knows of candidates, views, stores or budgets; what
decides belongs to the gate. numpy and scipy are imported on the first call, so importing this is
cheap. `paired.py` tests once, `sequential.py` several times, `betting.py` whenever one likes;
`intervals.py` bounds means, `planning.py` gives power, `spending.py` divides α.
"""

from agp.sepl.statistics.betting import AnytimeTest, Betting, anytime_test
from agp.sepl.statistics.intervals import Interval, mean_interval
from agp.sepl.statistics.paired import (
    EXACT_DIFFERENCES,
    RESAMPLES,
    Comparison,
    PairedTest,
    TestName,
    compare,
    paired_test,
)
from agp.sepl.statistics.planning import power, smallest_detectable_gain, wins_needed
from agp.sepl.statistics.scores import LARGEST_SCORE
from agp.sepl.statistics.sequential import BITS, GroupSequential, LookResult
from agp.sepl.statistics.spending import (
    Spending,
    conditional_power,
    left_after,
    level_of_look,
    spent,
)

__all__ = [
    "BITS",
    "EXACT_DIFFERENCES",
    "LARGEST_SCORE",
    "RESAMPLES",
    "AnytimeTest",
    "Betting",
    "Comparison",
    "GroupSequential",
    "Interval",
    "LookResult",
    "PairedTest",
    "Spending",
    "TestName",
    "anytime_test",
    "compare",
    "conditional_power",
    "left_after",
    "level_of_look",
    "mean_interval",
    "paired_test",
    "power",
    "smallest_detectable_gain",
    "spent",
    "wins_needed",
]
