"""A registry that holds the shipped library."""

from __future__ import annotations

import pytest

from agp.rspl.discovery import library_root
from agp.rspl.history import History
from agp.rspl.registry import Registry


@pytest.fixture
def registry(history: History) -> Registry:
    """The library's resources, registered in an empty store."""
    registry = Registry(history)
    registry.init([library_root()])
    return registry
