"""Tool contract: can a model call the shipped tools from their contract alone?

    python benchmarks/tool_contract.py --contract-budget 500
    agp bench run tool_contract

Data: 34 requests written by hand, in tool_contract.json beside this file. A sample shows the
contract of all shipped tools (in at most ``contract_budget`` tokens) and one request. The reply
scores 1 if it holds exactly one call, of a function that exists, with arguments its schema accepts,
and the call gives what the reference call gives: both are carried out by the shipped tools, python
in a process of its own as ever. The feedback of a wrong reply opens with "No valid call", or with
"A valid call" where it did something else.
"""

import json
import math
from functools import cached_property
from pathlib import Path
from typing import Any

from agp.canonical import digest
from agp.errors import AgpError, DataError
from agp.evaluation.types import Benchmark, DataRequest, Sample, Score
from agp.models.embedded.toolcalls import parse_tool_calls
from agp.rspl.builder import Builder
from agp.rspl.contract import Contract, Scope, contract_of
from agp.rspl.discovery import discover, library_root
from agp.rspl.entities import EntityType, JsonObject, Record
from agp.rspl.kinds import KINDS
from agp.rspl.kinds.actions import as_input
from agp.rspl.kinds.schemas import fault
from agp.rspl.view import View
from agp.runtime.types import Task

INVALID = "No valid call"
WRONG = "A valid call, but not what was asked"
FORM = "Reply with the call only."
_CLOSE = 1e-9


class ToolContract(Benchmark):
    """Calls of the shipped tools, made from their contract.

    Parameters: ``contract_budget`` the most tokens the contract may have, as
    `agp.rspl.contract.estimate` counts them; 0 for no limit.
    """

    name = "tool_contract"
    description = "Tool calls from the contract of the shipped tools alone"

    def __init__(self, contract_budget: int = 0) -> None:
        self.contract_budget = contract_budget
        self.builder = Builder()

    @cached_property
    def view(self) -> View:
        """The shipped resources."""
        records = discover([library_root()]).values()
        by_digest = {record.digest: record for record in records}
        return View({record.id: d for d, record in by_digest.items()}, by_digest.__getitem__)

    @cached_property
    def contract(self) -> Contract:
        """What the model is shown of the tools."""
        budget = self.contract_budget or None
        return contract_of(self.view, Scope(type=EntityType.TOOL), budget=budget)

    @cached_property
    def functions(self) -> dict[str, tuple[Record, str, JsonObject]]:
        """Function name → its tool, its action, the schema of its arguments."""
        found: dict[str, tuple[Record, str, JsonObject]] = {}
        for rid in self.view:
            record = self.view.record(rid)
            kind = KINDS[rid.type]
            if rid.type is EntityType.TOOL:
                for action, export in zip(kind.actions(record), kind.exports(record), strict=True):
                    found[export["function"]["name"]] = (record, action.name, action.parameters)
        return found

    def load(self, request: DataRequest) -> list[Sample]:
        """The requests in the file's order; ``path`` may name another file of the same form."""
        path = request.path or Path(__file__).with_suffix(".json")
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            rows, files = data["requests"], data["files"]
            return [self._sample(i, row, files) for i, row in enumerate(rows)][: request.limit]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} holds no requests: {error!r}.") from error

    def _sample(self, index: int, row: JsonObject, files: dict[str, str]) -> Sample:
        given = f"{self.contract.text}\n# Request\n\n{row['ask']} {FORM}"
        fields = {"input": given, "request": row["ask"]}
        task = Task(input=given, fields=fields, files=files)
        target = json.dumps(row["call"], sort_keys=True)
        return Sample(id=f"tool_contract/{index}", task=task, target=target)

    async def score(self, sample: Sample, text: str) -> Score:
        """1 for one valid call that gives what the reference call gives."""
        _, calls = parse_tool_calls(text, self.functions)
        if len(calls) != 1:
            return Score(value=0, feedback=f"{INVALID}: {len(calls)} calls in the reply. {FORM}")
        name, arguments = calls[0].name, calls[0].arguments
        answer = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
        if problem := self._problem(name, arguments):
            return Score(value=0, answer=answer, feedback=f"{INVALID}: {problem}")
        reference = json.loads(sample.target)
        wanted = await self._result(sample.task, reference["name"], reference["arguments"])
        try:
            got = await self._result(sample.task, name, arguments or {})
        except (AgpError, ValueError) as error:
            return Score(value=0, answer=answer, feedback=f"{WRONG}: it fails: {error}")
        if same(got, wanted):
            return Score(value=1, answer=answer)
        return Score(value=0, answer=answer, feedback=f"{WRONG}: it gives {str(got)[:200]!r}.")

    def _problem(self, name: str, arguments: JsonObject | None) -> str | None:
        if name not in self.functions:
            return f"there is no function {name!r}."
        if arguments is None:
            return "the arguments are no JSON object."
        schema = self.functions[name][2]
        if unknown := sorted(set(arguments) - set(schema.get("properties", {}))):
            return f"{name} has no argument {unknown[0]!r}."
        return fault(schema, arguments)

    async def _result(self, task: Task, name: str, arguments: JsonObject) -> Any:
        record, action, _ = self.functions[name]
        given = as_input(record.input_schema, action, arguments)
        tool = self.builder.get(self.view, record.id)
        outcome = await KINDS[record.type].run(record, tool, given, {Task: task})
        return outcome.result

    @property
    def scorer_digest(self) -> str:
        """Covers this file and the tools that carry the calls out."""
        tools = sorted({record.digest for record, _, _ in self.functions.values()})
        return digest([super().scorer_digest, *tools])


def same(got: Any, wanted: Any) -> bool:
    """Whether two results say the same: as numbers where both are, else as text."""
    left, right = str(got).strip(), str(wanted).strip()
    try:
        return math.isclose(float(left), float(right), rel_tol=_CLOSE, abs_tol=_CLOSE)
    except ValueError:
        return left == right


if __name__ == "__main__":
    from agp.cli.bench import main

    main(ToolContract)
