"""AIME 2025: 30 competition problems, integer answers, exact match.

    python benchmarks/aime25.py --data DIR --limit 10
    agp bench run aime25

Data: a folder or file given with --data, or the Hugging Face dataset named below.
"""

from agp.evaluation.datasets import Source
from agp.evaluation.questions import IntegerQuestions


class Aime25(IntegerQuestions):
    """AIME 2025 I and II."""

    name = "aime25"
    description = "AIME 2025: 30 competition problems with integer answers from 0 to 999"
    source = Source(
        dataset="math-ai/aime25",
        files=("*.jsonl", "*.parquet"),
        folders=("AIME25", "aime25", "AIME_2025"),
        fields={
            "question": ("question", "Question", "problem", "Problem", "prompt"),
            "answer": ("answer", "Answer", "final_answer"),
        },
        optional={"id": ("task_id", "id", "ID")},
    )


if __name__ == "__main__":
    from agp.cli.bench import main

    main(Aime25)
