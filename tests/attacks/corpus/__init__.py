"""The attacks on the sandbox, by topic; `ATTACKS` holds them all."""

from __future__ import annotations

from tests.attacks.case import Attack
from tests.attacks.corpus import (
    escapes,
    files,
    grants,
    kernel,
    network,
    processes,
    resources,
    results,
    shell,
    state,
    survivors,
)

TOPICS: dict[str, list[Attack]] = {
    "files": files.ATTACKS,
    "processes": processes.ATTACKS,
    "network": network.ATTACKS,
    "survivors": survivors.ATTACKS,
    "resources": resources.ATTACKS,
    "shell": shell.ATTACKS,
    "kernel": kernel.ATTACKS,
    "results": results.ATTACKS,
    "state": state.ATTACKS,
    "grants": grants.ATTACKS,
    "escapes": escapes.ATTACKS,
}
ATTACKS = [attack for attacks in TOPICS.values() for attack in attacks]
assert len({attack.name for attack in ATTACKS}) == len(ATTACKS), "two attacks have one name"
