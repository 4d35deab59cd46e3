"""Operators (Def. 3.5) and their composition: f : V × P_in → V' × P_out."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from agp.rspl.view import View
from agp.sepl.messages import Message

In = TypeVar("In", bound=Message, contravariant=True)
Out = TypeVar("Out", bound=Message, covariant=True)


class Operator(Protocol[In, Out]):
    """One typed step of evolution. It returns a new view, or the one it was given."""

    @property
    def name(self) -> str:
        """What traces and the journal call it."""
        ...

    async def __call__(self, view: View, message: In, /) -> tuple[View, Out]: ...


class Composition:
    """f_n ∘ … ∘ f_1: operators applied in the order given, each to what the one before gave."""

    def __init__(self, *operators: Operator[Any, Any]) -> None:
        self.operators = operators

    @property
    def name(self) -> str:
        """The names of its operators."""
        return " → ".join(operator.name for operator in self.operators)

    async def __call__(self, view: View, message: Message, /) -> tuple[View, Any]:
        for operator in self.operators:
            view, message = await operator(view, message)
        return view, message
