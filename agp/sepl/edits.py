"""Edits as data: what a proposal does to variables, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from agp.errors import AgpError, EditError
from agp.rspl.entities import Record, ResourceId
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.prompt import placeholders_of
from agp.rspl.paths import get_path, set_path
from agp.rspl.view import View
from agp.secrets import unresolved
from agp.sepl.envelope import Envelope
from agp.sepl.variables import Variable


class Replace(BaseModel):
    """The whole new value of a variable."""

    op: Literal["replace"] = "replace"
    variable: str
    value: Any


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


Edit = Annotated[Replace | Patch | Insert, Field(discriminator="op")]
EDITS: TypeAdapter[list[Edit]] = TypeAdapter(list[Edit])


def apply_edits(
    view: View,
    theta: Mapping[str, Variable],
    edits: Sequence[Edit],
    envelope: Envelope | None = None,
) -> list[Record]:
    """The candidate records that ``edits`` make of the view's; nothing is stored or run.

    Parameters: ``envelope`` what the policy permits; default: the default policy. Raises EditError
    for a variable outside the mask Θ, a change outside the envelope (its kind, its growth), a
    value of another form, a lost placeholder, an invalid record, or edits that change nothing.
    """
    envelope = envelope or Envelope()
    changed: dict[ResourceId, Record] = {}
    for edit in edits:
        variable = theta.get(edit.variable)
        if variable is None:
            raise EditError(
                f"envelope: {edit.variable} may not be changed in this run.",
                hint=f"Learnable are: {', '.join(theta) or 'none'}",
            )
        record = changed.get(variable.resource) or view.record(variable.resource)
        value = _edited(get_path(record.body(), variable.path), edit)
        _check(variable, value)
        envelope.demand(str(variable.resource), variable.path, variable.value, value)
        body = set_path(record.body(), variable.path, value)
        changed[variable.resource] = _record(body)
    if all(view.refs.get(rid) == record.digest for rid, record in changed.items()):
        raise EditError("The edits change nothing.")
    return list(changed.values())


def _edited(old: Any, edit: Edit) -> Any:
    if isinstance(edit, Replace):
        return edit.value
    if not isinstance(old, str):
        raise EditError(f"{edit.variable} is not text: only 'replace' can change it.")
    if isinstance(edit, Insert):
        parts = (edit.text.strip(), old.strip())
        return "\n\n".join(filter(None, parts if edit.at == "start" else reversed(parts)))
    if old.count(edit.old) != 1:
        raise EditError(f"{edit.variable}: {edit.old!r} occurs {old.count(edit.old)} times in it.")
    return old.replace(edit.old, edit.new)


def _check(variable: Variable, value: Any) -> None:
    if variable.form in ("text", "code") and not isinstance(value, str):
        raise EditError(f"{variable.id} is text; the edit gives {type(value).__name__}.")
    if variable.path == "params/template":
        lost = placeholders_of(variable.value) ^ placeholders_of(value)
        if lost:
            raise EditError(f"{variable.id}: the placeholders must stay as they are: {lost}.")


def _record(body: dict[str, Any]) -> Record:
    try:
        record = Record.model_validate(body)
        with unresolved():
            KINDS[record.type].validate(record)
        _ = record.digest  # content without a canonical form is refused here
    except AgpError as error:
        raise EditError(error.message, hint=error.hint) from error
    return record
