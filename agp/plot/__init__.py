"""Figures of runs, with plotly: `pip install 'autogenesis-agp[plot]'`.

    from agp import Project, plot

    with Project() as project:
        plot.score_against_evaluations(project, "latest").show()

Every function takes where runs are (a `Project`, a `Database`, or runs that were read) and which
(ids, their beginnings, ``latest``, or reports; default: ``latest``), and returns a plotly Figure.
Each raises NotFoundError for an unknown run and InputError for one that lacks what the figure
needs, saying what.

Rows to draw are made in `data.py` without plotly; the other files only draw; `page.py` puts a run's
figures and tables on one HTML page.
"""

from agp.plot.cost import cost
from agp.plot.lineage import lineage
from agp.plot.page import page
from agp.plot.pareto import pareto_front
from agp.plot.progress import score_against_evaluations

__all__ = ["cost", "lineage", "page", "pareto_front", "score_against_evaluations"]
