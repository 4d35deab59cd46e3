"""A function of the user's that proposes: other people's optimizers, tests, and one's own ideas."""

from __future__ import annotations

import inspect
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from agp.canonical import canonical_json
from agp.errors import AgpError, ModelError, ProposerError
from agp.evaluation.results import SampleResult
from agp.rspl.view import View
from agp.runs.journal import Journal
from agp.sepl.edits import Edit, Replace
from agp.sepl.proposers import Brief, Draft
from agp.sepl.reflector import UNREADABLE_IN_A_ROW

Feedback = dict[str, Any]
"""One result: ``example``, ``score``, ``output``, ``feedback``."""
Texts = Mapping[str, str] | None
Propose = Callable[[dict[str, str], list[Feedback], random.Random], Texts | Awaitable[Texts]]
"""``(texts, feedback, rng) -> new texts``: only what changes; None for no proposal."""

_STRATEGY = "function"
_QUOTED = 300


class FunctionProposer:
    """Asks a function, once per step of the run.

    Parameters: ``names`` what the function calls each variable, by variable id; ``example`` gives
    what the user knows a feedback sample as; ``seed`` that of the run.
    """

    def __init__(
        self,
        function: Propose,
        journal: Journal,
        *,
        names: Mapping[str, str],
        example: Callable[[SampleResult], Any],
        seed: int,
    ) -> None:
        self.function = function
        self.journal = journal
        self.names = names
        self.example = example
        self.seed = seed
        self._rubbish = 0

    async def propose(self, view: View, brief: Brief) -> Draft | None:
        """See `Proposer`. Raises ProposerError where several replies in a row are no texts."""

        async def compute() -> dict[str, Any]:
            return {"reply": await self._ask(brief)}

        reply = (await self.journal.step(f"propose/{brief.step}", "propose", compute))["reply"]
        edits = self._edits(reply, brief)
        if edits is None:
            self._rubbish += 1
            if self._rubbish >= UNREADABLE_IN_A_ROW:
                raise ProposerError(
                    f"{self._rubbish} replies of the proposer in a row were no texts by name. "
                    f"The last one was: {str(reply)[:_QUOTED]!r}",
                    hint=f"Return new texts for some of: {', '.join(self.names.values())}",
                )
            return None
        self._rubbish = 0
        return Draft(_STRATEGY, edits) if edits else None

    async def _ask(self, brief: Brief) -> Any:
        texts = {self.names[v.id]: v.value for v in brief.variables if v.id in self.names}
        feedback = [
            {
                "example": self.example(result),
                "score": result.score,
                "output": result.text,
                "feedback": result.feedback,
            }
            for result in brief.seen
        ]
        rng = random.Random(f"{self.seed}/{brief.step}")
        try:
            reply = self.function(texts, feedback, rng)
            if inspect.isawaitable(reply):
                reply = await reply
        except AgpError:
            raise
        except Exception as error:  # the user's code
            raise ModelError(
                f"The proposer raised {type(error).__name__}: {error}",
                hint="Mend the cause, then call it again with resume=True.",
            ) from error
        return dict(reply) if isinstance(reply, Mapping) else _plain(reply)

    def _edits(self, reply: Any, brief: Brief) -> list[Edit] | None:
        """The edits of a reply, none for no proposal; None where it is rubbish."""
        if reply is None:
            return []
        ids = {self.names[v.id]: v for v in brief.variables if v.id in self.names}
        if not isinstance(reply, dict) or not reply:
            return None
        texts = cast("dict[str, Any]", reply)
        if not all(name in ids and isinstance(text, str) for name, text in texts.items()):
            return None
        return [
            Replace(variable=ids[name].id, value=text)
            for name, text in texts.items()
            if text != ids[name].value
        ]


def _plain(reply: Any) -> Any:
    """What can be journalled of a reply that is no mapping."""
    try:
        canonical_json(reply)
    except Exception:
        return repr(reply)[:_QUOTED]
    return reply
