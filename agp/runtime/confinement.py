"""On what terms code is confined in a run, and what its spans say of it: which backend held code,
and how strongly."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry.trace import Span

from agp.permissions import Permissions
from agp.permissions.policy import SandboxPolicy
from agp.rspl.confined.demands import Demands, demanding
from agp.sandbox import Strength
from agp.sandbox.used import used
from agp.tracing import names


@contextmanager
def traced_confinement(span: Span) -> Generator[None]:
    """Have the span say what held code within the block, if anything did: the weakest counts."""
    with used() as found:
        try:
            yield
        finally:
            if found:
                span.set_attribute(names.AGP_SANDBOX_BACKEND, ", ".join(sorted(found)))
                weakest = min(found.values()).name.lower()
                span.set_attribute(names.AGP_SANDBOX_STRENGTH, weakest)


@contextmanager
def confined_by(permissions: Permissions, span: Span) -> Generator[None]:
    """Have code in the block confined as the policy demands, and the span say by what."""
    with demanding(demands_of(permissions.policy.sandbox)), traced_confinement(span):
        yield


def demands_of(policy: SandboxPolicy) -> Demands:
    """What a policy demands of the sandbox."""
    return Demands(Strength[policy.least.upper()], policy.packages)
