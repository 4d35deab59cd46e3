"""Evolve an agent and look at what happened, in a few lines.

    python examples/quickstart.py            # the embedded model: agp models pull, once
    python examples/quickstart.py --model openai/gpt-4.1-mini   # any LiteLLM model string

It takes some minutes on two cores with the embedded model.
"""

import argparse

import agp


def main() -> None:
    """Score, evolve, and undo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--folder", default="quickstart")
    options = parser.parse_args()

    with agp.Project(options.folder, model=options.model) as project:
        report = project.evolve(
            "reasoning_gym:count_bits", "program", feedback=6, selection=6, holdout=12
        )
        print(report.conclusion)
        if report.vanilla and report.evolved:
            print(f"holdout: {report.vanilla.mean:.2f} → {report.evolved.mean:.2f}")
        print(report.changes)
        if report.commit:
            project.registry.rollback(report.commit)
            print("Rolled back: the agent is as it was, and the history has both.")


if __name__ == "__main__":
    main()
