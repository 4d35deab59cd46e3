"""Rolling a candidate out to users: shadow, canary, active, with evidence and a way back.

A rollout names a branch (what is live on it) and the resources that a candidate commit changes.
*Shadow*: the candidate runs beside what is live, and only its results are recorded. *Canary*: a
stated share of tasks, chosen by the hash of the task, goes to it. *Active*: a commit makes it live,
and it is watched on. Results that speak against it end the rollout, whoever looks, at any time:
before it is live nothing has to be undone, afterwards a commit brings the old versions back.

Everything is in the store: a rollout is a run of kind ``rollout``, its outcomes are the run's
events; each step is in the audit log, and moves an alias (``shadow``, ``canary``) or commits.
"""

from agp.sepl.rollout.evidence import Standing, standing
from agp.sepl.rollout.steps import Rollouts
from agp.sepl.rollout.types import Lane, Outcome, Rollout, Stage, Thresholds

__all__ = ["Lane", "Outcome", "Rollout", "Rollouts", "Stage", "Standing", "Thresholds", "standing"]
