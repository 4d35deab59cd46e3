"""The sections of a dossier, in their order: facts in words, each with what it is evidence for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agp.dossier.document import Block, Section, Table, Text, Verbatim
from agp.dossier.facts import Component, Facts, RunFacts
from agp.dossier.limits import limits_of
from agp.rspl.commits import Commit
from agp.rspl.kinds.agent import Bindings

_SHORT = 12
_SHOWN = 200
"""So many rows of a table at most; how many more there are is said."""


def purpose(facts: Facts, envelope: str) -> Section:
    """What the agent is for, and what it is bound to."""
    record = facts.view.record(facts.agent)
    bound = Bindings.of(record)
    about = record.description or "The agent's record does not say what it is for."
    rows = [
        ["model role", bound.model],
        ["tools", ", ".join(bound.tools) or "none"],
        ["sub-agents", ", ".join(bound.agents) or "none"],
        ["memory", bound.memory or "none"],
        ["environment", bound.environment or "none"],
        ["may evolve (marker g)", "yes" if record.evolvable else "no"],
        ["models it was run on", ", ".join(_models(facts)) or "no finished run"],
    ]
    return Section(
        title="Purpose and general description",
        helps_with="Annex IV(1) and Article 13",
        blocks=[Text(text=about), Table(columns=["what", "is"], rows=rows, empty="")],
    )


def components(facts: Facts, envelope: str) -> Section:
    """Every resource the agent uses, by version and digest, and who wrote its code."""
    rows = [
        [
            str(each.record.id),
            each.version,
            each.record.digest[:_SHORT],
            ", ".join(each.origins) or "no code, or written before origins were recorded",
            _approved(each),
        ]
        for each in facts.components
    ]
    columns = ["resource", "version", "digest", "code written by", "approved by a person"]
    said = "A digest is the SHA-256 of a version's whole content; the first 12 digits are shown."
    return Section(
        title="Components and versions",
        helps_with="Annex IV(2)(a) to (c)",
        blocks=[Text(text=said), Table(columns=columns, rows=rows, empty="")],
    )


def permitted(facts: Facts, envelope: str) -> Section:
    """What agents may do and what may evolve."""
    return Section(
        title="Envelope: what it may do, and what may change",
        helps_with="Annex IV(2)(f) (pre-determined changes) and Article 14",
        blocks=[
            Text(text="The policy in force when this was read:"),
            Verbatim(title="Policy", text=envelope.strip()),
        ],
    )


def data(facts: Facts, envelope: str) -> Section:
    """The data each decision rests on, by digest, split by split."""
    rows = [
        [
            run.row.id,
            str(run.objective.get("benchmark")),
            *(str(run.objective.get(name, ""))[:_SHORT] for name in _OBJECTIVE),
            str(run.numbers.get("holdout_looks", "not used")),
        ]
        for run in facts.runs
        if run.objective
    ]
    columns = ["run", "benchmark", *_OBJECTIVE, "looks at this holdout by then"]
    said = (
        "Optimizers see feedback samples, the search is scored on selection samples, and only "
        "holdout samples decide. What is in the data, and how it was gathered and examined, is "
        "for its providers to document."
    )
    return Section(
        title="Data used",
        helps_with="Annex IV(2)(d) and Article 10",
        blocks=[Text(text=said), _table(columns, rows, "No evolution of this agent finished.")],
    )


def performance(facts: Facts, envelope: str) -> Section:
    """Every finished measurement with its interval."""
    rows = [
        [run.row.id, str(run.report["benchmark"]), name, *_score(line), _settings(run)]
        for run in facts.runs
        for name in ("vanilla", "refined", "evolved")
        if (line := run.report.get(name))
    ]
    columns = ["run", "benchmark", "score of", "mean", "95 % interval", "n", "unscored", "settings"]
    said = "Wrong, empty and crashed answers count 0; what could not be scored stands apart."
    return Section(
        title="Measured performance",
        helps_with="Annex IV(2)(g), (3) and (4), and Article 15",
        blocks=[Text(text=said), _table(columns, rows, "No run of this agent finished.")],
    )


def changes(facts: Facts, envelope: str) -> Section:
    """Every commit that moved a component, and every promotion that was refused."""
    rows = [_change(commit, facts) for commit in facts.commits]
    columns = ["when", "commit", "by", "operator", "resources", "why", "evidence"]
    refused = [
        [run.row.created_at[:19], run.row.id, str(verdict["reason"]), _evidence(verdict["numbers"])]
        for run in facts.runs
        if run.decision and not (verdict := run.decision["verdict"])["accepted"]
    ]
    tried = sum(run.assessed for run in facts.runs)
    kept = sum(run.kept for run in facts.runs)
    return Section(
        title="Change history",
        helps_with="Annex IV(2)(a) and (6), and Article 12",
        blocks=[
            Text(text="Commits that changed the agent or something it uses, newest first."),
            _table(columns, rows, "None."),
            Text(text=f"Proposals assessed in its runs: {tried}; kept by the search: {kept}."),
            Text(text="Promotions that were refused:"),
            _table(["when", "run", "why", "evidence"], refused, "None."),
        ],
    )


def oversight(facts: Facts, envelope: str) -> Section:
    """What people were asked and decided."""
    mine = {str(each.record.id) for each in facts.components}
    given = [
        [
            row.created_at[:19],
            row.resource,
            row.code[:_SHORT],
            row.decision,
            row.reviewer,
            row.reason,
            row.expires_at or "never",
        ]
        for each in facts.components
        for row in each.approvals
        if row.resource in mine
    ]
    columns = ["when", "resource", "code", "decision", "by", "reason", "expires"]
    events = [
        [entry.at[:19], entry.kind, entry.actor, _payload(entry.payload)]
        for entry in facts.oversight
    ]
    return Section(
        title="Human oversight",
        helps_with="Annex IV(2)(e) and Article 14",
        blocks=[
            Text(text="Approvals of the code in use:"),
            _table(columns, given, "None: no code in use was reviewed through agp review."),
            Text(text="Questions, denials, stops, policy and budget changes of the whole store:"),
            _table(["when", "kind", "by", "what"], events, "None."),
        ],
    )


def robustness(facts: Facts, envelope: str) -> Section:
    """What held code that no person wrote, and how often work failed."""
    rows = [
        [run.row.id, str(held), str(run.numbers.get("unscored", 0))]
        for run in facts.runs
        if (held := run.numbers.get("sandbox")) is not None
    ]
    said = (
        "Code that no person wrote or approved runs confined. The strength of what held it is "
        "recorded with each assessment; NONE means that somebody asked for the unsafe one."
    )
    empty = "No decision about this agent involved confined code, or its run did not record it."
    return Section(
        title="Robustness and cybersecurity",
        helps_with="Annex IV(2)(h) and Article 15",
        blocks=[Text(text=said), _table(["run", "sandbox", "unscored samples"], rows, empty)],
    )


def records(facts: Facts, envelope: str) -> Section:
    """The audit log and whether it holds."""
    verdict = facts.verdict
    state = (
        "verified: every entry, link, signature and writer holds"
        if not verdict.findings
        else f"NOT verified: {len(verdict.findings)} findings, the first: "
        f"{verdict.findings[0].message}"
    )
    rows = [[kind, str(number)] for kind, number in sorted(facts.kinds.items())]
    return Section(
        title="Record-keeping",
        helps_with="Articles 12 and 19",
        blocks=[
            Text(text=f"The audit log of the store, {verdict.entries} entries: {state}."),
            Table(columns=["kind of entry", "how many"], rows=rows, empty="No entries."),
        ],
    )


def limits(facts: Facts, envelope: str) -> Section:
    """What the evidence above does not show."""
    return Section(
        title="Known limits and risks",
        helps_with="Annex IV(3) and (5), and Articles 9 and 13",
        blocks=[
            Text(text="Drawn from the records above by fixed rules; not a risk assessment."),
            _table(["limit"], [[each] for each in limits_of(facts)], "No rule found any."),
        ],
    )


def reproduction(facts: Facts, envelope: str) -> Section:
    """How to get the same agent, and the same numbers, again."""
    name = facts.agent.name
    commands = [
        f"agp resources lock {name}.lock.json             # at commit {facts.view.commit}",
        f"agp bench run BENCHMARK --agent {name} --lock {name}.lock.json --seed SEED",
        f"agp log {facts.agent}",
        f"agp dossier {name} -f json",
    ]
    return Section(
        title="Reproducing this",
        helps_with="Annex IV(2)(g) and Article 11",
        blocks=[Verbatim(title="Commands", text="\n".join(commands))],
    )


SECTIONS: tuple[Callable[[Facts, str], Section], ...] = (
    purpose,
    components,
    permitted,
    data,
    performance,
    changes,
    oversight,
    robustness,
    records,
    limits,
    reproduction,
)
_OBJECTIVE = ("feedback", "selection", "holdout", "scorer")


def _models(facts: Facts) -> list[str]:
    found = {m for run in facts.runs for m in run.report.get("models", {}).values()}
    return sorted(map(str, found))


def _approved(component: Component) -> str:
    newest = component.approvals[-1] if component.approvals else None
    if newest is None:
        return "not asked for" if set(component.origins) <= {"person"} else "no"
    return f"{newest.decision} by {newest.reviewer}, {newest.created_at[:10]}"


def _score(line: dict[str, Any]) -> list[str]:
    interval = f"{line['low']:.1%} to {line['high']:.1%}"
    return [f"{line['mean']:.1%}", interval, str(line["n"]), str(line["unscored"])]


def _settings(run: RunFacts) -> str:
    report = run.report
    return f"seed {report['seed']}, closure {str(report['closure'])[:_SHORT]}"


def _change(commit: Commit, facts: Facts) -> list[str]:
    mine = {each.record.id for each in facts.components}
    moved = [str(change.resource) for change in commit.changes if change.resource in mine]
    return [
        commit.created_at[:19],
        commit.id[:_SHORT],
        commit.author,
        commit.operator,
        ", ".join(moved),
        commit.message,
        _evidence(commit.evidence.get("numbers", {})) or "none recorded",
    ]


def _evidence(numbers: dict[str, Any]) -> str:
    if "difference" not in numbers:
        return ""
    return (
        f"n = {numbers['n']}, difference {numbers['difference']:+.3f} "
        f"({numbers['level']:.0%} interval {numbers['low']:+.3f} to {numbers['high']:+.3f}), "
        f"p = {numbers['p']:.4g}, α = {numbers['alpha']:g}, {numbers['test']}"
    )


def _payload(payload: dict[str, Any]) -> str:
    shown = {name: value for name, value in payload.items() if isinstance(value, str | int | float)}
    return ", ".join(f"{name}: {value}" for name, value in shown.items())


def _table(columns: list[str], rows: list[list[str]], empty: str) -> Block:
    left = len(rows) - _SHOWN
    if left > 0:
        more = [f"… and {left} more, older or further on", *[""] * (len(columns) - 1)]
        rows = [*rows[:_SHOWN], more]
    return Table(columns=columns, rows=rows, empty=empty)
