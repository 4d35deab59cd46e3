"""What the records of an agent do not show, found by fixed rules; each rule is one function."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agp.dossier.facts import Facts

_FEW = 30
_MANY_LOOKS = 3


def limits_of(facts: Facts) -> list[str]:
    """The limits that any rule finds, in the order of the rules."""
    return [limit for rule in _RULES for limit in rule(facts)]


def _unmeasured(facts: Facts) -> Iterator[str]:
    closure = facts.view.closure_digest(facts.agent)
    measured = any(run.report.get("closure") == closure for run in facts.runs)
    evolved = any(c.evidence.get("run") for c in facts.commits[:1])
    if not measured and not evolved:
        yield "The agent as it is now has not been measured: no finished run is of this closure."


def _small(facts: Facts) -> Iterator[str]:
    for run in facts.runs:
        for name in ("vanilla", "evolved"):
            line = run.report.get(name)
            if line and line["n"] < _FEW:
                yield (
                    f"Run {run.row.id}: the score of {name} rests on {line['n']} samples; one "
                    f"sample is {100 / line['n']:.1f} points."
                )


def _unscored(facts: Facts) -> Iterator[str]:
    for run in facts.runs:
        if unscored := run.report.get("unscored"):
            yield f"Run {run.row.id}: {len(unscored)} samples could not be scored."


def _looks(facts: Facts) -> Iterator[str]:
    for run in facts.runs:
        if (looks := run.numbers.get("holdout_looks", 1)) >= _MANY_LOOKS:
            yield (
                f"Run {run.row.id}: its holdout had decided {looks} times by then; each look makes "
                "a p-value say less."
            )


def _permissive(facts: Facts) -> Iterator[str]:
    for commit in facts.commits:
        if commit.evidence.get("rule") == "non_degrading":
            yield f"Commit {commit.id[:12]} was accepted because the mean did not fall, untested."


def _unreviewed(facts: Facts) -> Iterator[str]:
    for each in facts.components:
        written = set(each.origins) - {"person"}
        approved = each.approvals and each.approvals[-1].decision.startswith("approve")
        if written and not approved:
            authors = ", ".join(sorted(written))
            yield f"{each.record.id}: its code was written by {authors}; no person approved it."


def _oracle(facts: Facts) -> Iterator[str]:
    for run in facts.runs:
        if run.report.get("oracle"):
            yield (
                f"Run {run.row.id}: the scorer's verdict was shown to the agent; the score cannot "
                "be compared with that of single attempts."
            )


def _tainted(facts: Facts) -> Iterator[str]:
    for commit in facts.commits:
        if taint := commit.evidence.get("taint"):
            read = ", ".join(map(str, taint))
            yield f"Commit {commit.id[:12]} was proposed by something that had read: {read}."


def _log(facts: Facts) -> Iterator[str]:
    if facts.verdict.findings:
        yield f"The audit log does not verify: {len(facts.verdict.findings)} findings."


_RULES: tuple[Callable[[Facts], Iterator[str]], ...] = (
    _unmeasured,
    _small,
    _unscored,
    _looks,
    _permissive,
    _unreviewed,
    _oracle,
    _tainted,
    _log,
)
