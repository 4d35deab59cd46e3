"""Review: a person's word on code that an optimizer, a model or an import brought.

`versions.py` finds what there is to look at, `approvals.py` writes decisions down. Who wrote code
is noted by the commit that brings it (`agp.rspl.origins`), and that is also where it is decided
what runs in a process: this room only adds a person's word, and nothing that is evolved may reach
it.
"""

from agp.trust.approvals import Approval, approvals_of, approve, reject, valid_approval
from agp.trust.versions import Brought, find, pending, versions

__all__ = [
    "Approval",
    "Brought",
    "approvals_of",
    "approve",
    "find",
    "pending",
    "reject",
    "valid_approval",
    "versions",
]
