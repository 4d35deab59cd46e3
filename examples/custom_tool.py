"""Register a tool of your own and give it to an agent: in Python here, or as files.

    python examples/custom_tool.py

As files it would be `tools/roman/tool.py` in your project, with the same function in it.
"""

import asyncio
import tempfile
from pathlib import Path

import agp

TOOL = '''
def roman(number: int) -> str:
    """Write a whole number in Roman numerals.

    Args:
        number: From 1 to 3999.
    """
    if not 1 <= number <= 3999:
        raise ValueError("only 1 to 3999 can be written")
    signs = {1000: "M", 900: "CM", 500: "D", 400: "CD", 100: "C", 90: "XC"}
    signs |= {50: "L", 40: "XL", 10: "X", 9: "IX", 5: "V", 4: "IV", 1: "I"}
    written = ""
    for value, sign in signs.items():
        written += sign * (number // value)
        number %= value
    return written
'''
AGENT = """---
extends: tool_calling
tools: [roman]
---
Answer with the tool's result alone.
"""


def main() -> None:
    """Make a project with the tool, show its schema, call it, and see a wrong call refused."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, text in {"tools/roman/tool.py": TOOL, "agents/roman/AGENT.md": AGENT}.items():
            (folder / path).parent.mkdir(parents=True)
            (folder / path).write_text(text)
        with agp.Project(folder) as project:
            tool = agp.ResourceId(agp.EntityType.TOOL, "roman")
            print(project.registry.get_info(tool).input_schema)
            live = project.registry.get(tool)
            print(asyncio.run(live({"number": 1984}, {})))
            try:
                asyncio.run(live({"number": "many"}, {}))
            except ValueError as error:
                print("refused:", error)
            # With a model: project.run("roman", "Write 1984 in Roman numerals.")


if __name__ == "__main__":
    main()
