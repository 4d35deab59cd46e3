"""Slipping past the permissions: other spellings, nesting, sub-agents."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from agp.permissions import ActionRequest, Permissions
from agp.permissions.reading import parse_policy
from agp.permissions.scopes import Ground
from tests.attacks.gate.case import GateAttack, Yard

_POLICY = """
[tools]
deny = ["run_python"]
allow = ["*"]
[files]
read = ["data/**"]
write = ["data/**"]
[network]
hosts = ["good.example"]
"""
_PATHS = (
    "agp.policy.toml",
    "./agp.policy.toml",
    "data/../agp.policy.toml",
    "data//..//agp.policy.toml",
    "/proj/agp.policy.toml",
    "/proj/./data/../.agp/store.db",
    "AGP.policy.toml",
    ".agp/store.db",
    "~/.ssh/id_ed25519",
    "/etc/passwd",
    "data/../../etc/passwd",
    "file:///etc/passwd",
    "data\\..\\..\\secret",
)
_HOSTS = (
    "http://evil.example/",
    "http://good.example@evil.example/",
    "http://good.example.evil.example/",
    "http://evil.example/good.example",
    "http://evil.example#good.example",
    "http://EVIL.example./",
    "//evil.example/x",
    "http://2130706433/",
    "http://[::1]/",
    "http://0x7f.1/",
    "http://evil%2eexample/",
    "evil.example:80",
)


def _passed(requests: Sequence[ActionRequest]) -> str:
    permissions = Permissions(
        parse_policy(_POLICY, "agp.policy.toml"), ground=Ground(Path("/proj"), ("/data/store.db",))
    )
    honest = _request("tool/fetch", url="https://good.example/", path="data/a.txt")
    assert permissions.call(honest).verdict == "allow"  # or this would show nothing
    allowed = [each for each in requests if permissions.call(each).verdict == "allow"]
    return f"allowed: {allowed[0].arguments or allowed[0].name}" if allowed else ""


def _request(resource: str, chain: tuple[str, ...] = ("lead",), **arguments: Any) -> ActionRequest:
    return ActionRequest(chain, resource, resource.partition("/")[2], arguments)


def _paths(yard: Yard) -> str:
    tools = ("tool/read_file", "tool/write_file")
    return _passed([_request(tool, path=path) for tool in tools for path in _PATHS])


def _nested(yard: Yard) -> str:
    return _passed(
        [
            _request("tool/read_file", options={"files": [{"path": path}]})
            for path in ("/etc/passwd", "agp.policy.toml", "data/../../x")
        ]
    )


def _hosts(yard: Yard) -> str:
    return _passed([_request("tool/fetch", url=host) for host in _HOSTS])


def _sub_agent(yard: Yard) -> str:
    return _passed([_request("tool/run_python", ("lead", "helper"), code="1")])


def _naive_path(yard: Yard) -> str:
    """A list of names that are denied, compared as they stand."""
    passed = [path for path in _PATHS if not fnmatchcase(path, "agp.policy.toml")]
    return f"allowed: {passed[0]}" if passed else ""


def _naive_host(yard: Yard) -> str:
    passed = [host for host in _HOSTS if "good.example" in host]
    return f"allowed: {passed[0]}" if passed else ""


ATTACKS = [
    GateAttack(
        name="path_spelled_otherwise",
        tries="names a protected or outside file in another spelling",
        attempt=_paths,
        naive=_naive_path,
    ),
    GateAttack(
        name="path_nested",
        tries="hides a path deep inside its arguments",
        attempt=_nested,
    ),
    GateAttack(
        name="host_spelled_otherwise",
        tries="names a host so that it looks like one that is permitted",
        attempt=_hosts,
        naive=_naive_host,
    ),
    GateAttack(
        name="denied_tool_by_sub_agent",
        tries="has a sub-agent call what it may not call itself",
        attempt=_sub_agent,
    ),
]
