"""A commit's evidence in a few characters."""

from __future__ import annotations

from typing import Any


def figures(evidence: dict[str, Any]) -> str:
    """The figures of a commit's evidence in short: n=40 +12.5 p=0.004."""
    from agp.cli.render import points

    parts = [
        f"n={evidence['n']}" if "n" in evidence else "",
        points(evidence["difference"]) if "difference" in evidence else "",
        f"p={evidence['p']:.4g}" if "p" in evidence else "",
    ]
    return " ".join(part for part in parts if part)
