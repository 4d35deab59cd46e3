"""Which backend is taken, and that nothing weaker is taken silently."""

from __future__ import annotations

import pytest

from agp.errors import NotFoundError
from agp.processes import Limits
from agp.sandbox import (
    Call,
    Confined,
    Program,
    SandboxRefused,
    Strength,
    available,
    call,
    choose,
    probe,
    run_program,
    run_python,
)

CALL = Call(files={"t.py": "def f():\n    return 1"}, entry="t.py:f")


class Fake:
    """A backend that says how strong it is, and what it answers."""

    def __init__(self, name: str, strength: Strength, outcome: str = "ok") -> None:
        self.name, self.strength, self.outcome = name, strength, outcome
        self.asked = 0

    def probe(self) -> tuple[Strength, str]:
        self.asked += 1
        return self.strength, "as told"

    async def run(self, program: Program, limits: Limits) -> Confined:
        return Confined(outcome=self.outcome, backend=self.name, strength=self.strength)  # type: ignore[arg-type]

    async def call(self, call: Call, limits: Limits) -> Confined:
        return Confined(outcome=self.outcome, backend=self.name, strength=self.strength)  # type: ignore[arg-type]


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> dict[str, Fake]:
    """Only these exist; tests make some stronger."""
    names = ("native", "bubblewrap", "wasm", "monty", "plain")
    made = {name: Fake(name, Strength.NONE) for name in names}
    monkeypatch.setattr(choose, "_backends", dict(made))
    monkeypatch.setattr(choose, "_probed", {})
    monkeypatch.delenv(choose.UNSAFE, raising=False)
    return made


async def test_nothing_strong_is_a_refusal_that_says_what_was_tried(
    backends: dict[str, Fake],
) -> None:
    backends["native"].strength = Strength.PARTIAL
    with pytest.raises(SandboxRefused) as refused:
        await call(CALL)
    assert refused.value.exit_code == 1
    assert "native: partial, as told" in str(refused.value)
    assert "--unsafe-sandbox" in str(refused.value)
    with pytest.raises(SandboxRefused):
        await run_program(Program(files={}, entry="a.py"))
    with pytest.raises(SandboxRefused):
        await run_python("")
    assert (await call(CALL, least=Strength.PARTIAL)).backend == "native"


async def test_the_flag_is_the_only_way_round(
    backends: dict[str, Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(choose.UNSAFE, "1")
    done = await call(CALL)
    assert (done.backend, done.strength) == ("plain", Strength.NONE)
    backends["wasm"].strength = Strength.STRONG
    choose._probed.clear()
    assert (await call(CALL)).backend == "wasm", "what is strong comes first, flag or not"
    with pytest.raises(SandboxRefused):
        monkeypatch.setenv(choose.UNSAFE, "0")
        backends["wasm"].strength = Strength.NONE
        choose._probed.clear()
        await call(CALL)


async def test_the_preferred_one_is_taken_and_one_that_refuses_is_left(
    backends: dict[str, Fake],
) -> None:
    for name in ("native", "wasm", "monty"):
        backends[name].strength = Strength.STRONG
    assert (await call(CALL)).backend == "native"
    assert (await call(CALL, backend="monty")).backend == "monty"
    backends["monty"].outcome = "refused"
    assert (await call(CALL, backend="monty")).backend == "native"
    backends["monty"].strength = Strength.NONE
    choose._probed.clear()
    assert (await call(CALL, backend="monty")).backend == "native"
    with pytest.raises(NotFoundError):
        await call(CALL, backend="chroot")


async def test_each_is_probed_once(backends: dict[str, Fake]) -> None:
    backends["native"].strength = Strength.STRONG
    for _ in range(3):
        await call(CALL)
    assert [each.name for each in available()] == ["native", "bubblewrap", "wasm", "monty", "plain"]
    assert backends["native"].asked == 1


def test_the_plain_one_never_calls_itself_anything() -> None:
    assert probe("plain").strength is Strength.NONE


async def test_the_plain_one_calls_with_the_same_meaning() -> None:
    got = await choose.backend("plain").call(CALL, Limits())
    assert (got.outcome, got.value, got.strength) == ("ok", 1, Strength.NONE)
