"""The policy: what `agp.policy.toml` may hold, checked, and the policy of a project without one."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from agp.canonical import digest
from agp.permissions.decisions import Mode, Verdict
from agp.permissions.patterns import rule

FILE = "agp.policy.toml"
LARGEST_GROWTH = 4_000
"""How many characters one change may add to a text, unless a rule says otherwise."""
LARGEST_NEW = 20_000
"""How many characters a new resource may have as JSON, in the default policy."""

ChangeKind = Literal["insert", "patch", "replace", "create", "delete"]
_EDITS: tuple[ChangeKind, ...] = ("insert", "patch", "replace")


def _checked(text: str) -> str:
    rule(text)
    return text


RuleText = Annotated[str, AfterValidator(_checked)]
_Glob = Annotated[str, Field(min_length=1)]
_Amount = Annotated[int, Field(ge=0)]
_Figure = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _listed(value: object) -> object:
    """One glob as a list of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Rules(_Section):
    """Rules on calls; see `agp.permissions.patterns`."""

    deny: tuple[RuleText, ...] = Field(default=(), strict=False)
    ask: tuple[RuleText, ...] = Field(default=(), strict=False)
    allow: tuple[RuleText, ...] = Field(default=(), strict=False)


class AgentRules(_Section):
    """What holds for one agent, beside what holds for all."""

    tools: Rules = Rules()


class Files(_Section):
    """Paths that arguments may name, and confined code may be given; None: not limited."""

    read: tuple[_Glob, ...] | None = Field(default=None, strict=False)
    write: tuple[_Glob, ...] | None = Field(default=None, strict=False)


class Network(_Section):
    """Hosts that arguments may name, and confined code may be given; None: not limited."""

    hosts: tuple[_Glob, ...] | None = Field(default=None, strict=False)


class EvolveRule(_Section):
    """What may evolve.

    ``resource`` (one or several) and ``field`` are globs (``prompt/*``, ``params/system``);
    ``changes`` the kinds of change it speaks of; ``growth`` and ``size`` the most characters that
    a change may add, and that the field may have then (None: any): a larger change is not
    permitted by this rule; ``capabilities`` what becomes of a change that gives new capabilities.
    A rule that denies has no limits: it denies whatever the size.
    """

    resource: Annotated[tuple[_Glob, ...], BeforeValidator(_listed)] = Field(min_length=1)
    field: _Glob = "*"
    changes: tuple[ChangeKind, ...] = Field(default=_EDITS, strict=False, min_length=1)
    growth: _Amount | None = LARGEST_GROWTH
    size: _Amount | None = None
    capabilities: Literal["ask", "deny"] = "ask"
    verdict: Verdict


class SandboxPolicy(_Section):
    """Where code that no person wrote or approved runs.

    ``least`` is the least strength; ``packages`` the installed packages it may import. Running it
    where nothing holds it is no policy: only the person who starts a run can, by a flag.
    """

    least: Literal["partial", "strong"] = "strong"
    packages: tuple[str, ...] = Field(default=(), strict=False)


class BudgetLimits(_Section):
    """Limits of an account; None is no limit. ``seconds`` is wall time."""

    calls: _Amount | None = None
    tokens: _Amount | None = None
    cost_usd: _Figure | None = Field(default=None, strict=False)
    seconds: _Figure | None = Field(default=None, strict=False)
    evaluations: _Amount | None = None
    commits: _Amount | None = None


class Budgets(_Section):
    """Limits of all work on the store together, and of single agents, by name."""

    model_config = ConfigDict(populate_by_name=True)

    all_: BudgetLimits = Field(default=BudgetLimits(), alias="global")
    agents: dict[str, BudgetLimits] = Field(default_factory=dict[str, BudgetLimits])


DEFAULT_EVOLVE = (
    EvolveRule(resource=("prompt/*",), verdict="allow"),
    EvolveRule(resource=("agent/*", "tool/*", "environment/*", "memory/*"), verdict="ask"),
    EvolveRule(
        resource=("prompt/*", "agent/*", "tool/*"),
        changes=("create",),
        growth=LARGEST_NEW,
        verdict="ask",
    ),
)


class Policy(_Section):
    """What agents may do, and what may evolve.

    A section that is left out (None) is as in the default policy; one that is there is all that
    holds for its subject.
    """

    mode: Annotated[Mode, Field(strict=False)] = Mode.DEFAULT
    tools: Rules | None = None
    agents: dict[str, AgentRules] = Field(default_factory=dict[str, AgentRules])
    files: Files = Files()
    network: Network = Network()
    evolve: tuple[EvolveRule, ...] | None = Field(default=None, strict=False)
    sandbox: SandboxPolicy = SandboxPolicy()
    budget: Budgets = Budgets()

    @property
    def tool_rules(self) -> Rules:
        """The rules for all agents; without any, what an agent is bound to may be called."""
        return Rules(allow=("*",)) if self.tools is None else self.tools

    @property
    def evolve_rules(self) -> tuple[EvolveRule, ...]:
        """What may evolve; without any rule, prompts do and everything else asks."""
        return DEFAULT_EVOLVE if self.evolve is None else self.evolve

    @property
    def is_default(self) -> bool:
        """Whether it says nothing but what holds without a file."""
        return self == Policy()

    @property
    def limits_calls(self) -> bool:
        """Whether any rule or scope could keep an agent from calling what it is bound to."""
        plain = self.tool_rules == Rules(allow=("*",)) and not self.agents
        return not (plain and self.files == Files() and self.network == Network())

    @property
    def may_ask(self) -> bool:
        """Whether a call that is under some rule or none could ask, in mode default."""
        every = [self.tool_rules, *(own.tools for own in self.agents.values())]
        return "*" not in self.tool_rules.allow or any(rules.ask for rules in every)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over what it says; comments and order of keys do not count."""
        return digest(self.data())

    def data(self) -> dict[str, Any]:
        """The policy as plain JSON data."""
        return self.model_dump(mode="json", by_alias=True)

    def describe(self) -> str:
        """The policy in words, as Markdown."""
        from agp.permissions.describe import described

        return described(self)
