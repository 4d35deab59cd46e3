"""Instances of code that no person wrote or approved: the same interface, run in the sandbox.

`static.py` reads what must be known of the code (names, parameters, literals) without executing
it; `calls.py` is the one door to `agp.sandbox`; `functions.py`, `stateful.py`, `policies.py` and
`programs.py` are what tools, memories and environments, agents and skills become; `refused.py` is
for what cannot be confined. `guest/` is what the code meets in the sandbox in place of agp.

Contract: nothing here executes, imports or evaluates a record's code in this process, and all
that comes back from the sandbox is plain JSON that is checked before it is used.
"""

import agp.rspl.kinds  # noqa: F401  # pyright: ignore[reportUnusedImport]

# This room and that of the kinds need each other: whoever comes here first, that one is complete.
