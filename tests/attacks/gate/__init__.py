"""Attacks on the gate and what surrounds it, by topic; `GATE_ATTACKS` holds them all."""

from __future__ import annotations

from tests.attacks.gate import (
    approval,
    by_heart,
    evidence,
    judging,
    overlap,
    poison,
    policy,
    proposals,
    secrets,
    thief,
)
from tests.attacks.gate.case import GateAttack

GATE_ATTACKS: list[GateAttack] = [
    *judging.ATTACKS,
    *proposals.ATTACKS,
    *overlap.ATTACKS,
    *by_heart.ATTACKS,
    *approval.ATTACKS,
    *thief.ATTACKS,
    *evidence.ATTACKS,
    *policy.ATTACKS,
    *poison.ATTACKS,
    *secrets.ATTACKS,
]
assert len({attack.name for attack in GATE_ATTACKS}) == len(GATE_ATTACKS)
