"""The same names under other modules of agp's."""

# pyright: basic, reportMissingImports=false

from agp.runtime import *  # noqa: F403
