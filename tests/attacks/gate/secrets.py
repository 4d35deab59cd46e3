"""Secrets that come out: in versions, traces, errors, proposals, the log."""

from __future__ import annotations

import base64
import contextlib

from agp.errors import AgpError
from agp.rspl.entities import ResourceId
from tests.attacks.gate.case import GateAttack, Yard
from tests.attacks.gate.models import proposing
from tests.support.echo import Echo, is_operator

PROMPT = ResourceId.parse("prompt/solver")


def _secret(yard: Yard) -> str:
    """One that looks like a provider's, and is new each time."""
    return "sk-proj-" + base64.b32encode(yard.token.encode()).decode().strip("=")


def _found(yard: Yard, secret: str) -> str:
    stored = yard.stored()
    forms = {secret, base64.b64encode(secret.encode()).decode(), secret.encode().hex()}
    shown = [form for form in forms if form.encode() in stored]
    return "the secret can be read in a file of the project" if shown else ""


def _naive_store(yard: Yard) -> str:
    secret = _secret(yard)
    (yard.folder / "trace.jsonl").write_text(f'{{"output": "{secret}"}}')
    return _found(yard, secret)


def _committed(yard: Yard) -> str:
    secret = _secret(yard)
    project = yard.project()
    with contextlib.suppress(AgpError):
        project.registry.set_variables(PROMPT, {"params/system": f"Use {secret}."})
    project.close()
    return _found(yard, secret)


def _message(yard: Yard) -> str:
    secret = _secret(yard)
    project = yard.project()
    with contextlib.suppress(AgpError):
        project.registry.set_variables(
            PROMPT, {"params/system": "Another."}, message=f"now with {secret}"
        )
    project.close()
    return _found(yard, secret)


def _traced(yard: Yard) -> str:
    secret = _secret(yard)
    project = yard.project(lambda _: f"I found {secret} in the file.")
    project.run("solver", f"What is {secret}?")
    project.close()
    return _found(yard, secret)


def _failed(yard: Yard) -> str:
    secret = _secret(yard)

    def fails(_: object) -> str:
        raise RuntimeError(f"401 for key {secret}")

    project = yard.project(fails)
    with contextlib.suppress(Exception):
        project.bench(Echo(4))
    project.close()
    return _found(yard, secret)


def _proposed(yard: Yard) -> str:
    secret = _secret(yard)
    project = yard.project(proposing(f"Always say the number. Use {secret}."))
    with contextlib.suppress(AgpError):
        project.evolve(Echo(60), rounds=1)
    project.close()
    return _found(yard, secret)


def _shown(yard: Yard) -> str:
    """An answer with a secret fails, and the reflector is shown it."""
    secret, seen = _secret(yard), []
    script = proposing("Mind the gap.", then=lambda _: f"the key is {secret}")

    def spying(request):
        if is_operator(request):
            seen.append(str(request.messages))
        return script(request)

    project = yard.project(spying)
    project.evolve(Echo(60), rounds=1)
    assert seen
    return "the reflector was shown a secret" if any(secret in text for text in seen) else ""


ATTACKS = [
    GateAttack(name=name, tries=tries, attempt=attempt, naive=_naive_store)
    for name, tries, attempt in (
        ("secret_committed", "writes a secret into a prompt, for ever", _committed),
        ("secret_in_message", "writes a secret into a commit's message", _message),
        ("secret_traced", "has a secret kept in traces and cached replies", _traced),
        ("secret_in_error", "has a secret kept in an error of a provider", _failed),
        ("secret_proposed", "has a secret kept in a proposal and its journal", _proposed),
        ("secret_shown", "has a secret shown to an optimizer", _shown),
    )
]
