"""Edits as data: what a proposal does to variables, checked before anything runs.

`checking.py` says what each value must be, `binding.py` what an agent may be bound to,
`creation/records.py` what a new resource becomes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from agp.errors import AgpError, EditError
from agp.rspl.dependencies import closure
from agp.rspl.entities import EntityType, JsonObject, Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.agent import BINDINGS
from agp.rspl.paths import find_path, set_path
from agp.rspl.view import View
from agp.secrets import references, unresolved
from agp.sepl import binding, checking
from agp.sepl.creation.records import New, records_of, type_of
from agp.sepl.envelope import Envelope
from agp.sepl.variables import Variable


class Replace(BaseModel):
    """The whole new value of a variable."""

    op: Literal["replace"] = "replace"
    variable: str
    value: JsonValue


class Patch(BaseModel):
    """One occurrence of ``old`` in a text becomes ``new``; ``old`` must occur exactly once."""

    op: Literal["patch"] = "patch"
    variable: str
    old: str
    new: str


class Insert(BaseModel):
    """A paragraph added at the end (or the start) of a text."""

    op: Literal["insert"] = "insert"
    variable: str
    text: str
    at: Literal["start", "end"] = "end"


class Bind(BaseModel):
    """A resource, by name, added to an agent's bindings (``agent/x:params/tools``).

    Where an agent has one only (``params/prompt``, ``params/memory``), it takes its place.
    """

    op: Literal["bind"] = "bind"
    variable: str
    name: str


class Unbind(BaseModel):
    """A resource, by name, taken out of an agent's bindings."""

    op: Literal["unbind"] = "unbind"
    variable: str
    name: str


class Create(BaseModel):
    """A new resource. Something must be bound to it in the same proposal."""

    op: Literal["create"] = "create"
    new: New

    @property
    def variable(self) -> str:
        """What the run must open for it: ``tool/+``."""
        return f"{type_of(self.new).value}/+"


class Delete(BaseModel):
    """A resource taken out of all that the agent uses: no agent of it is bound to it any more.

    It stays registered, for others and for the history.
    """

    op: Literal["delete"] = "delete"
    resource: str

    @property
    def variable(self) -> str:
        """The resource that goes."""
        return self.resource


Edit = Annotated[
    Replace | Patch | Insert | Bind | Unbind | Create | Delete, Field(discriminator="op")
]
EDITS: TypeAdapter[list[Edit]] = TypeAdapter(list[Edit])


def apply_edits(
    view: View,
    theta: Mapping[str, Variable],
    edits: Sequence[Edit],
    envelope: Envelope | None = None,
    *,
    roles: Collection[str] | None = None,
) -> list[Record]:
    """The candidate records that ``edits`` make of the view's; nothing is stored or run.

    They are applied in their order and judged together, as one change. What is new comes first.

    Parameters: ``theta`` what may change, by id; ``envelope`` what the policy permits, default:
    the default policy; ``roles`` the roles that models play, None where they are not known.
    Raises EditError for a variable outside the mask Θ, a change outside the envelope (its kind,
    its growth), a value of another form, a lost placeholder, a changed limit or signature, an
    invalid record, a binding to what is not there, or edits that change nothing.
    """
    work = _Work(view, theta, envelope or Envelope(), roles)
    try:
        for edit in edits:
            work.apply(edit)
        return work.finished()
    except EditError:
        raise
    except AgpError as error:
        raise EditError(error.message, hint=error.hint) from error


class _Work:
    """Edits being applied: bodies that are valid again only when all of them are."""

    def __init__(
        self,
        view: View,
        theta: Mapping[str, Variable],
        envelope: Envelope,
        roles: Collection[str] | None,
    ) -> None:
        self.view, self.theta, self.envelope, self.roles = view, theta, envelope, roles
        self.bodies: dict[ResourceId, JsonObject] = {}
        self.created: dict[ResourceId, Record] = {}
        self.touched: dict[str, Variable] = {}

    def apply(self, edit: Edit) -> None:
        match edit:
            case Create():
                self._create(edit)
            case Delete():
                self._delete(ResourceId.parse(edit.resource))
            case Bind() | Unbind():
                self._rebind(edit)
            case _:
                variable = self._variable(edit.variable)
                self._set(variable, _edited(variable.id, self._now(variable), edit))

    def finished(self) -> list[Record]:
        """The records that came out of it, checked one by one and together."""
        changed: list[Record] = []
        for rid, body in self.bodies.items():
            before = self.view.record(rid)
            after = self._checked(before, body)
            if after.digest != before.digest:
                self.envelope.demand(before, after)
                changed.append(after)
        for rid, record in self.created.items():
            _validate(record)
            checking.check_record(record)
            made_for = ResourceId(EntityType.AGENT, rid.name) in self.created
            self.envelope.demand(None, record, EntityType.AGENT if made_for else None)
        records = [*self.created.values(), *changed]
        if not records:
            raise EditError("The edits change nothing.")
        binding.check(self.view, records, self.created, self.roles)
        return records

    def _checked(self, before: Record, body: JsonObject) -> Record:
        touched = [each for each in self.touched.values() if each.resource == before.id]
        for variable in touched:
            checking.check_value(variable, find_path(body, variable.path))
        after = Record.read(body)
        opened = f"{before.id}:{checking.SCHEMA}" in self.theta
        after = checking.redescribed(before, after, opened=opened)
        for variable in touched:
            if variable.derived and find_path(body, variable.path) != find_path(
                after.body(), variable.path
            ):
                raise EditError(
                    f"{variable.id} follows from the code: it cannot be set to anything else.",
                    hint="Edit the signature and the docstring instead.",
                )
        checking.check_record(after, references(before.body()))
        _validate(after)
        return after

    # -- single edits ----------------------------------------------------------------------

    def _variable(self, name: str, *, new: bool = False) -> Variable:
        variable = self.theta.get(name)
        if variable is None or (variable.only_new and not new):
            raise EditError(
                f"envelope: {name} may not be changed in this run.",
                hint=f"Learnable are: {', '.join(self.theta) or 'none'}",
            )
        return variable

    def _now(self, variable: Variable) -> Any:
        return find_path(self._body(variable.resource), variable.path)

    def _body(self, rid: ResourceId) -> JsonObject:
        if rid not in self.bodies:
            self.bodies[rid] = self.view.record(rid).body()
        return self.bodies[rid]

    def _set(self, variable: Variable, value: Any) -> None:
        body = self._body(variable.resource)
        if variable.settings:
            value = checking.kept_limits(variable.value, value)
        self.bodies[variable.resource] = set_path(body, variable.path, value)
        self.touched[variable.id] = variable

    def _create(self, edit: Create) -> None:
        for record in records_of(edit.new, self.view.record):
            if record.id in self.view or record.id in self.created:
                raise EditError(f"{record.id} exists already.", hint="Choose another name.")
            self.created[record.id] = record

    def _rebind(self, edit: Bind | Unbind) -> None:
        _, field = binding.place_of(edit.variable)
        new = ResourceId(BINDINGS[field], edit.name) in self.created
        variable = self._variable(edit.variable, new=new and isinstance(edit, Bind))
        rebound = binding.bound if isinstance(edit, Bind) else binding.unbound
        self._set(variable, rebound(edit.variable, self._now(variable), edit.name))

    def _delete(self, rid: ResourceId) -> None:
        agents = {each.resource for each in self.theta.values() if each.path in BINDINGS}
        reached = {agent for each in agents for agent in closure(each, self.view.record)}
        gone = False
        for agent in sorted(reached):
            if agent.type is not EntityType.AGENT:
                continue
            for field in binding.fields_for(rid.type):
                now = find_path(self.bodies.get(agent) or self.view.record(agent).body(), field)
                if rid.name in ([now] if isinstance(now, str) else now or []):
                    variable = self._variable(f"{agent}:{field}")
                    self._set(variable, binding.unbound(variable.id, now, rid.name))
                    gone = True
        if not gone:
            raise EditError(
                f"envelope: {rid} may not be taken out in this run: no binding to it is open.",
                hint="Open the bindings of the agent: --evolve 'agent/NAME:params/tools'",
            )


def _edited(name: str, old: Any, edit: Replace | Patch | Insert) -> Any:
    if isinstance(edit, Replace):
        return edit.value
    if not isinstance(old, str):
        raise EditError(f"{name} is not text: only 'replace' can change it.")
    if isinstance(edit, Insert):
        parts = (edit.text.strip(), old.strip())
        return "\n\n".join(filter(None, parts if edit.at == "start" else reversed(parts)))
    if not edit.old or old.count(edit.old) != 1:
        raise EditError(f"{name}: {edit.old!r} occurs {old.count(edit.old)} times in it.")
    return old.replace(edit.old, edit.new)


def _validate(record: Record) -> None:
    with unresolved():
        KINDS[record.type].validate(record)
    _ = record.digest  # content without a canonical form is refused here
