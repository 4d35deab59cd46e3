"""Policies written as a person writes them, and calls to judge by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agp.permissions import ActionRequest, Decision, Mode, Permissions, Policy
from agp.permissions.reading import parse_policy
from agp.permissions.scopes import Ground

GROUND = Ground(Path("/proj"), ("/data/store.db",))


def policy(text: str) -> Policy:
    return parse_policy(text, "agp.policy.toml")


def request(
    resource: str, action: str = "", *, chain: tuple[str, ...] = ("lead",), **arguments: Any
) -> ActionRequest:
    return ActionRequest(chain, resource, action or resource.partition("/")[2], arguments)


def verdict(text: str, asked: ActionRequest, mode: Mode | None = None) -> Decision:
    return Permissions(policy(text), mode, ground=GROUND).call(asked)
