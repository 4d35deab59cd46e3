"""What taking secrets out costs: CPU milliseconds a megabyte, for several sorts of text.

python benchmarks/perf/redaction.py
"""

from __future__ import annotations

import base64
import json
import os
import random
import statistics
import time
from pathlib import Path

from agp.secrets import redact, remember

SIZE = 1_000_000
REPEATS = 9
KNOWN = 20
"""Exact values that the process knows, each looked for in some twenty forms."""


def texts() -> dict[str, str]:
    """Sort → a megabyte of it."""
    package = Path(__file__).resolve().parents[2] / "agp"
    code = "".join(file.read_text() for file in sorted(package.rglob("*.py")))
    prose = "It was the best of times, it was the worst of times; it was the age of wisdom. "
    names = "the password of the day, its secrets; a token of thanks and the cookie. "
    line = '{"role": "user", "content": "How many tokens has this text?", "token_count": 7}\n'
    secret = "Authorization: Bearer " + "a1B2c3D4" * 5 + "\n"
    made = {
        "Python code": code,
        "the same as JSON": json.dumps(code),
        "prose": prose * (SIZE // len(prose) + 1),
        "chat messages": line * (SIZE // len(line) + 1),
        "other scripts": "日本語のテキスト русский текст " * (SIZE // 30),
        "base64": base64.b64encode(random.Random(1).randbytes(SIZE)).decode(),
        "digests": random.Random(1).randbytes(SIZE).hex(),
        "prose, a secret a KB": (prose * 12 + secret) * (SIZE // 1000),
        "nothing but names": names * (SIZE // len(names) + 1),
    }
    return {name: (text * (SIZE // len(text) + 1))[:SIZE] for name, text in made.items()}


def cost(text: str) -> float:
    """CPU seconds of one pass, the median of several."""
    times: list[float] = []
    for _ in range(REPEATS):
        before = time.process_time()
        redact(text)
        times.append(time.process_time() - before)
    return statistics.median(times)


def main() -> None:
    """Print milliseconds a megabyte, and microseconds for a short text."""
    rng = random.Random(7)
    for number in range(KNOWN):
        remember(base64.b64encode(rng.randbytes(30)).decode(), f"KNOWN_{number}")
    for name, text in texts().items():
        print(f"{name:24} {1000 * cost(text) * SIZE / len(text):6.1f} ms a million characters")
    shorts = [
        f"agent {n} said that it is done with task {n} and all is well" for n in range(20_000)
    ]
    before = time.process_time()
    for text in shorts:
        redact(text)
    each = (time.process_time() - before) / len(shorts)
    print(f"{'a text of 60 characters':24} {1e6 * each:6.1f} µs   ({os.cpu_count()} processors)")


if __name__ == "__main__":
    main()
