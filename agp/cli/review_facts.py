"""What a reviewer is shown of code: where it is from, evidence, what it could do, doubts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agp.rspl.history import History
    from agp.trust import Brought

_EVIDENCE = ("n", "candidate", "incumbent", "difference", "low", "high", "level", "p", "alpha")
_FEW = 20
"""Fewer compared samples than this tell little, whatever the test says."""


def facts_of(history: History, found: Brought) -> dict[str, Any]:
    """All that is known of code, as plain data."""
    from agp.capabilities import added
    from agp.rspl.lineage.diff import diff_records
    from agp.trust import approvals_of

    before, after = found.records(history)
    commit = found.reason(history)
    numbers: dict[str, Any] = commit.evidence.get("numbers") or {}
    return {
        **found.data(),
        "message": commit.message,
        "created_at": commit.created_at,
        "objective": commit.objective,
        "evidence": {name: numbers[name] for name in _EVIDENCE if name in numbers},
        "sandbox": numbers.get("sandbox"),
        "unsure": doubts(commit.evidence, imported=found.origin == "import"),
        "capabilities": added(before, after),
        "decisions": [each.data() for each in approvals_of(history, found.code)],
        "policy": history.origins.policy,
        "diff": diff_records(before, after),
    }


def doubts(evidence: dict[str, Any], *, imported: bool = False) -> list[str]:
    """What the gate's decision leaves open, in sentences."""
    numbers: dict[str, Any] = evidence.get("numbers") or {}
    if not numbers:
        return ["No gate has seen it: there is no measurement of what it does."]
    found = ["The evidence is the word of the store it came from."] if imported else []
    n = numbers.get("n", 0)
    if n < _FEW:
        found.append(f"Only {n} samples were compared.")
    low, high = numbers.get("low"), numbers.get("high")
    if low is not None and high is not None and low <= 0 <= high:
        found.append(f"The interval of the difference, {low:+.3f} to {high:+.3f}, holds 0.")
    if (p := numbers.get("p")) is not None and p > numbers.get("alpha", 0.05):
        found.append(f"p = {p:.3g} is above α = {numbers.get('alpha', 0.05):g}.")
    if evidence.get("rule") == "non_degrading":
        found.append("The rule was non_degrading: a mean that does not fall is enough for it.")
    if missing := numbers.get("unscored", 0) + numbers.get("imputed", 0):
        found.append(f"{missing} samples could not be scored on both sides.")
    if (looks := numbers.get("holdout_looks", 1)) > 1:
        found.append(f"The holdout was looked at {looks} times.")
    return found


def lines_of(facts: dict[str, Any]) -> list[str]:
    """The facts for a person to read; the diff is shown apart."""
    live = ", ".join(facts["live"]) or "nowhere"
    lines = [
        f"{facts['resource']}@{facts['version']}   code {facts['code'][:12]}",
        f"Brought by {facts['origin']} ({facts['author']}), {facts['created_at'][:19]}: "
        f"{facts['message']}",
        f"Replaces code {(facts['parent'] or 'nothing')[:12]}; live on: {live}; {facts['status']}",
    ]
    if evidence := facts["evidence"]:
        shown = ", ".join(f"{name} {_figure(value)}" for name, value in evidence.items())
        lines.append(f"Evidence: {shown}")
    lines += [f"Unsure: {each}" for each in facts["unsure"]]
    can = ", ".join(facts["capabilities"]) or "nothing new"
    lines.append(f"Could do now, and could not before: {can}")
    for each in facts["decisions"]:
        end = f" until {each['expires_at'][:10]}" if each["expires_at"] else ""
        place = "" if each["resource"] == facts["resource"] else f" as {each['resource']}"
        lines.append(f"{each['decision']}{place}{end} by {each['reviewer']}: {each['reason']}")
    return [*lines, ""]


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
