"""The operators of the protocol (paper, Table 7) and what each does for each entity type.

Only names belong here: the operators are methods of `agp.rspl.registry.Registry`. The page
`docs/operators.md` is written from this by ``python -m agp.rspl.operators``.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from agp.rspl.entities import EntityType
from agp.rspl.kinds import KINDS, Kind
from agp.rspl.registry import Registry

OPERATORS: dict[str, tuple[str, ...]] = {
    "lifecycle": ("init", "build", "register", "unregister"),
    "retrieval": ("get", "get_info", "list", "retrieve", "get_state"),
    "versioning": ("update", "copy", "restore", "get_variables", "set_variables"),
    "execution": ("run",),
    "serialization": ("save_to_json", "load_from_json", "save_contract", "load_contract"),
}
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"
_HEAD = """# Operators

Every operator of the protocol (paper, Table 7) on every entity type. All are methods of
`agp.rspl.registry.Registry`, one mechanism for all five types. This page is written from the code:
`python -m agp.rspl.operators`; `tests/rspl/test_operators.py` performs every cell.

"""


def support(operator: str, type_: EntityType) -> str:
    """What an operator does for a type: ``yes``, or ``stateless`` where there is no state."""
    stateless = operator == "get_state" and type(KINDS[type_]).state is Kind.state
    return "stateless" if stateless else "yes"


def table() -> str:
    """Operator × type as a Markdown table, with what each operator does."""
    types = [type_.value for type_ in EntityType]
    lines = [
        f"| group | operator | {' | '.join(types)} | what it does |",
        "| --- " * (len(types) + 3) + "|",
    ]
    for group, operators in OPERATORS.items():
        for operator in operators:
            cells = " | ".join(support(operator, type_) for type_ in EntityType)
            told = (inspect.getdoc(getattr(Registry, operator)) or "").splitlines()[0]
            about = told.partition(". ")[0].removesuffix(".")
            lines.append(f"| {group} | `{operator}` | {cells} | {about} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page."""
    return _HEAD + table()


if __name__ == "__main__":
    _PAGE.write_text(page(), encoding="utf-8")
