"""Question-and-number benchmarks: what AIME, GSM8K and their like share.

Only what all of them do alike belongs here; each says by class attributes where its rows come
from, how an answer is read, and in which form it is asked for.
"""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from typing import ClassVar

from agp.errors import DataError
from agp.evaluation.answers import integer_answer, show_number
from agp.evaluation.datasets import Row, Source, load_rows, row_ids
from agp.evaluation.types import Benchmark, DataRequest, Sample, Score
from agp.runtime.types import Task


class NumberQuestions(Benchmark):
    """Questions whose answer is one number, compared exactly.

    A subclass gives ``source`` (with the fields ``question`` and ``answer``), ``form`` (one line
    that asks for the answer's form), ``read`` and, where gold needs more than that, ``gold``.
    """

    source: ClassVar[Source]
    form: ClassVar[str]
    kind: ClassVar[str] = "number"

    @abstractmethod
    def read(self, text: str) -> int | Fraction | None:
        """The answer stated in a model's text, or None."""

    def gold(self, row: Row) -> int | Fraction | None:
        """The reference answer of a row, or None where it has none."""
        return self.read(row["answer"])

    def load(self, request: DataRequest) -> list[Sample]:
        """All rows as samples; DataError names the row whose answer is not a number."""
        rows = load_rows(self.source, request)
        ids = row_ids(rows, self.name)
        return [self._sample(row, name) for row, name in zip(rows, ids, strict=True)]

    def _sample(self, row: Row, name: str) -> Sample:
        gold = self.gold(row)
        if gold is None:
            raise DataError(
                f"{row.where}: the field 'answer' holds no {self.kind}: {row['answer'][-80:]!r}.",
                hint=self.source.advice(),
            )
        question = row["question"].strip()
        given = f"{question}\n\n{self.form}"
        task = Task(input=given, fields={"input": given, "question": question})
        return Sample(id=name, task=task, target=str(gold))

    async def score(self, sample: Sample, text: str) -> Score:
        """1 if the stated number equals the reference exactly, else 0."""
        answer = self.read(text)
        if answer is None:
            return Score(value=0, feedback=f"No {self.kind} was stated as the answer. {self.form}")
        shown = show_number(Fraction(answer))
        if answer == Fraction(sample.target):
            return Score(value=1, answer=shown)
        return Score(value=0, answer=shown, feedback=f"The answer {shown} is wrong.")


class IntegerQuestions(NumberQuestions):
    """Questions in AIME's style: strict integers from 0 to 999."""

    form = "The answer is an integer from 0 to 999. Give it between <answer> and </answer>."
    kind = "integer from 0 to 999"

    def read(self, text: str) -> int | None:
        return integer_answer(text)
