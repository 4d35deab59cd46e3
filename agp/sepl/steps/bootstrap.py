"""Bootstrap, a Select σ : V × Z → ℘(D). Passing rollouts become demonstrations of the prompt."""

from __future__ import annotations

from pydantic import JsonValue

from agp.errors import InputError
from agp.evaluation.results import SampleResult
from agp.rspl.entities import ResourceId
from agp.rspl.kinds.agent import Bindings
from agp.rspl.kinds.prompt import Prompt
from agp.rspl.view import View
from agp.sepl.edits import Edit, Replace
from agp.sepl.lab import Lab
from agp.sepl.messages import Modifications, Proposal, Traces
from agp.sepl.provenance import influences, origins
from agp.sepl.variables import Variable

_PATH = "params/demonstrations"


class Bootstrap:
    """Proposes sets of demonstrations, drawn at random from what the agent solved.

    Parameters: ``most`` demonstrations in a set. Raises InputError where the agent's prompt may
    not get demonstrations.
    """

    name = "bootstrap"

    def __init__(self, lab: Lab, *, most: int) -> None:
        self.lab = lab
        self.most = most

    async def __call__(self, view: View, message: Traces, /) -> tuple[View, Modifications]:
        variable = self._variable(view)
        passed = [r for r in message.feedback if r.score == 1.0 and r.text.strip()]
        items: list[Proposal] = []
        for number in range(1, 1 + self.lab.candidates if passed else 1):
            rng = self.lab.rng(message.round, "demos", number)
            chosen = rng.sample(passed, min(rng.randint(1, self.most), len(passed)))
            items.append(self._proposal(view, variable, chosen, message.round, number))
        return view, Modifications(round=message.round, traces=message, items=items)

    def _proposal(
        self,
        view: View,
        variable: Variable,
        chosen: list[SampleResult],
        round_: int,
        number: int,
    ) -> Proposal:
        shown: list[JsonValue] = [
            {"input": self._input(view, variable.resource, r), "output": r.text} for r in chosen
        ]
        edit: Edit = Replace(variable=variable.id, value=shown)
        return Proposal(
            id=f"r{round_}c{number}",
            strategy="demonstrations",
            rationale="solved: " + ", ".join(result.sample for result in chosen),
            edits=[edit],
            taint=origins(chosen),
            influences=influences(chosen, self.lab.journal.run),
        )

    def _input(self, view: View, prompt: ResourceId, result: SampleResult) -> str:
        task = self.lab.sample(result).task
        params = view.record(prompt).params
        return Prompt(template=params["template"]).render(**{"input": task.input, **task.fields})

    def _variable(self, view: View) -> Variable:
        prompt = Bindings.of(view.record(self.lab.agent)).prompt
        id_ = f"prompt/{prompt}:{_PATH}"
        variable = self.lab.theta(view).get(id_)
        if variable is None:
            raise InputError(
                f"{id_} may not change, so there is nothing that demonstrations could go into.",
                hint="Evolve an agent whose prompt may change, or use another optimizer.",
            )
        return variable
