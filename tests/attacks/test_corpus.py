"""Every attack succeeds where there is no sandbox, and on no backend that calls itself strong."""

from __future__ import annotations

import sys

import pytest

from tests.attacks.backends import NAMES, plain, probed, strong
from tests.attacks.case import Attack
from tests.attacks.corpus import ATTACKS
from tests.attacks.runner import Ending, try_backend, try_naive

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the host's watchers need Linux's /proc"
)
_SHOWN = [attack for attack in ATTACKS if attack.shown_on]


@pytest.mark.parametrize("attack", _SHOWN, ids=lambda attack: attack.name)
async def test_succeeds_where_there_is_no_sandbox(attack: Attack) -> None:
    assert attack.shown_on
    tried = await try_naive(attack, attack.shown_on, plain())
    if attack.unless and tried.ending is not Ending.SUCCEEDED:
        pytest.skip(f"cannot be shown here: {attack.unless}")
    assert tried.ending is Ending.SUCCEEDED, tried.why


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_fails_where_the_sandbox_is_strong(attack: Attack, name: str) -> None:
    backend = strong(name)
    if backend is None:
        pytest.skip(f"{name} is not strong here: {probed(name)[1]}")
    tried = await try_backend(attack, backend)
    assert tried.ending is not Ending.SUCCEEDED, tried.why
