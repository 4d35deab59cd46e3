"""A benchmark of your own: samples, and how an answer is scored.

    python examples/custom_benchmark.py --model embedded

Put such a class into `benchmarks/capitals.py` of your project, and `agp bench run capitals` and
`agp evolve capitals` find it.
"""

import argparse
import tempfile

import agp

CAPITALS = {"France": "Paris", "Japan": "Tokyo", "Kenya": "Nairobi", "Peru": "Lima"}


class Capitals(agp.Benchmark):
    """Name the capital."""

    name = "capitals"
    description = "Capitals of countries, scored by containment"

    def load(self, request: agp.DataRequest) -> list[agp.Sample]:
        return [
            agp.Sample(
                id=f"capitals/{country}",
                task=agp.Task(input=f"What is the capital of {country}?"),
                target=capital,
            )
            for country, capital in CAPITALS.items()
        ]

    async def score(self, sample: agp.Sample, text: str) -> agp.Score:
        right = sample.target.casefold() in text.casefold()
        return agp.Score(value=float(right), answer=text, feedback="" if right else "another city")


def main() -> None:
    """Score the shipped solver on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="embedded")
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as folder, agp.Project(folder, model=model) as project:
        score = project.bench(Capitals()).vanilla
        if score is not None:
            print(f"{score.mean:.2f} [{score.low:.2f}, {score.high:.2f}], n = {score.n}")


if __name__ == "__main__":
    main()
