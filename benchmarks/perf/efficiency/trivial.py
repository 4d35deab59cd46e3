"""A task that costs next to nothing, to measure what is spent around it; standard library only.

A candidate is one text of usual length that ends in a number; the higher, the more likely a
success. Success is a hash of text and sample. A proposal counts one up, and no two are equal.
"""

from __future__ import annotations

import itertools
import zlib

PART = "prompt"
PREAMBLE = "Read the question with care, think step by step, and give the answer alone. " * 5
START = {PART: f"{PREAMBLE}Version 0"}
TRAIN = [f"train/{number}" for number in range(60)]
VAL = [f"val/{number}" for number in range(30)]

_drafts = itertools.count(1)


def score(text: str, sample: str) -> float:
    """1.0 or 0.0."""
    chance = min(0.95, 0.3 + 0.01 * number_of(text))
    return float(zlib.crc32(f"{sample} {text}".encode()) < chance * 2**32)


def number_of(text: str) -> int:
    """How often a text was improved."""
    return int(text.rpartition(" ")[2])


def improved(text: str) -> str:
    """The next text."""
    return f"{PREAMBLE}Draft {next(_drafts)}, version {number_of(text) + 1}"
