"""Contracts: one document that says what a set of resources can do, bounded and always the same.

It is what an agent's context receives instead of many ad-hoc descriptions (protocol, operators
`save_contract` and `load_contract`). Built from records alone: no instance is made, no server
asked. `document.py` chooses the detail, `sections.py` writes one resource, `types.py` puts JSON
schemas into words.
"""

from agp.rspl.contract.document import Contract, Scope, contract_of, outdated
from agp.rspl.contract.file import load_contract, save_contract
from agp.rspl.contract.sections import Level
from agp.rspl.contract.tokens import estimate

__all__ = [
    "Contract",
    "Level",
    "Scope",
    "contract_of",
    "estimate",
    "load_contract",
    "outdated",
    "save_contract",
]
