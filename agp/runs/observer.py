"""Being told what a run is doing."""

from __future__ import annotations

from agp.evaluation.results import SampleResult


class Observer:
    """Told what a run is doing; this one does nothing. The command line shows it."""

    def phase(self, name: str, total: int) -> None:
        """A part of the run begins that runs ``total`` samples."""

    def result(self, result: SampleResult) -> None:
        """A sample is done."""

    def note(self, text: str) -> None:
        """Something worth a line happened."""
