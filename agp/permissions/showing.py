"""Values as a person may see them: secrets taken out, nothing that could steer a terminal."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

_LONGEST = 1_200


def shown(value: Any, *, longest: int = _LONGEST) -> str:
    """A value as text; what is longer is cut in the middle and says so (0: never cut)."""
    from agp.secrets import redact

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = "".join(_visible(letter) for letter in redact(text))
    if not longest or len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} [… {len(text) - 2 * half:,} characters left out …] {text[-half:]}"


def _visible(letter: str) -> str:
    """Letters and line breaks as they are; what is invisible or reorders text by its number."""
    if letter in "\n\t" or letter.isprintable():
        return letter
    return f"\\u{{{ord(letter):x}}}" if unicodedata.category(letter) != "Zs" else " "
