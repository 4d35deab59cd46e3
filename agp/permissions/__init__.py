"""What an agent may do and what may evolve: `agp.policy.toml`, enforced.

deny > ask > allow, whatever the order in the file. `policy.py` is what the file may hold,
`judging.py` decides by it, `decisions.py` says what a mode makes of that, `asking.py` asks a
person, `permissions.py` enforces and audits it for one run. The policy is no resource: nothing
that evolves can reach it. Nothing about optimizers, and no tool in particular, may enter.
"""

from agp.permissions.asking import Ask, Asker, Question, Reply
from agp.permissions.decisions import ActionRequest, ChangeRequest, Decision, Mode
from agp.permissions.in_force import InForce
from agp.permissions.permissions import Denied, Guard, Permissions
from agp.permissions.policy import FILE, BudgetLimits, Policy
from agp.permissions.reading import read_policy

__all__ = [
    "FILE",
    "ActionRequest",
    "Ask",
    "Asker",
    "BudgetLimits",
    "ChangeRequest",
    "Decision",
    "Denied",
    "Guard",
    "InForce",
    "Mode",
    "Permissions",
    "Policy",
    "Question",
    "Reply",
    "read_policy",
]
