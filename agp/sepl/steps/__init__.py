"""The operators that optimizers are composed of, one file each.

What an optimizer of one's own is usually made of can be imported from here.
"""

from agp.sepl.steps.choose import Choose
from agp.sepl.steps.commit import Commit
from agp.sepl.steps.execute import Execute
from agp.sepl.steps.full import Full
from agp.sepl.steps.improve import Improve
from agp.sepl.steps.keep import Keep
from agp.sepl.steps.race import Race, Rules
from agp.sepl.steps.reflect import Reflect
from agp.sepl.steps.screen import Screen
from agp.sepl.steps.select import Select

__all__ = [
    "Choose",
    "Commit",
    "Execute",
    "Full",
    "Improve",
    "Keep",
    "Race",
    "Reflect",
    "Rules",
    "Screen",
    "Select",
]
