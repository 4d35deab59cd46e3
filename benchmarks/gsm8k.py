"""GSM8K: grade-school word problems, one number each, compared exactly.

    python benchmarks/gsm8k.py --data DIR --limit 40
    agp bench run gsm8k

Data: a folder or file given with --data, or the test split of the Hugging Face dataset named
below (Parquet: needs pyarrow).
"""

from fractions import Fraction

from agp.evaluation.answers import number_answer
from agp.evaluation.datasets import Row, Source
from agp.evaluation.questions import NumberQuestions


class Gsm8k(NumberQuestions):
    """Any number counts as an answer; the reference stands behind ``####``."""

    name = "gsm8k"
    description = "GSM8K: grade-school word problems with one number as answer"
    form = "Give the final number between <answer> and </answer>."
    source = Source(
        dataset="openai/gsm8k",
        files=("main/test*",),
        folders=("gsm8k", "GSM8K"),
        fields={
            "question": ("question", "Question", "problem", "prompt"),
            "answer": ("answer", "Answer", "final_answer"),
        },
        optional={"id": ("task_id", "id", "ID")},
    )

    def read(self, text: str) -> Fraction | None:
        return number_answer(text)

    def gold(self, row: Row) -> Fraction | None:
        return number_answer(row["answer"].rpartition("####")[2])


if __name__ == "__main__":
    from agp.cli.bench import main

    main(Gsm8k)
