"""Runs: from what was asked for to a report.

`config.py` is what was asked for, `journal.py` appends a run's steps and gives them back on
resume, `workbench.py` sets a run up, `bench.py` is
the benchmark run, `report.py` what comes out. Evolution runs are in `agp.sepl.evolution`.
"""
