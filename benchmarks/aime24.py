"""AIME 2024: 30 competition problems, integer answers, exact match.

    python benchmarks/aime24.py --data DIR --limit 10
    agp bench run aime24

Data: a folder or file given with --data, or the Hugging Face dataset named below.
"""

from agp.evaluation.datasets import Source
from agp.evaluation.questions import IntegerQuestions


class Aime24(IntegerQuestions):
    """AIME 2024 I and II."""

    name = "aime24"
    description = "AIME 2024: 30 competition problems with integer answers from 0 to 999"
    source = Source(
        dataset="Maxwell-Jia/AIME_2024",
        files=("*.jsonl", "*.parquet"),
        folders=("AIME24", "aime24", "AIME_2024"),
        fields={
            "question": ("problem", "Problem", "question", "Question", "prompt"),
            "answer": ("answer", "Answer", "final_answer"),
        },
        optional={"id": ("task_id", "id", "ID")},
    )


if __name__ == "__main__":
    from agp.cli.bench import main

    main(Aime24)
