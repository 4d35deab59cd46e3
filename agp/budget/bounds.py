"""What a call can come to at most, known before it is made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from agp.models.embedded.catalog import find_card
from agp.models.names import EMBEDDED, provider_of
from agp.models.types import JsonObject, ModelRequest

# What providers add of their own to a prompt: role marks, a default system prompt, and around
# tools (the largest known is Anthropic's, about 700 tokens) instructions on how to call them.
_PER_MESSAGE = 16
_AROUND = 256
_AROUND_TOOLS = 1024
_PER_ATTACHMENT = 16_384
"""An image or a file by address: no known provider takes more tokens for one."""


def most_tokens(request: ModelRequest) -> int:
    """An upper bound of a call's input and output tokens.

    A token of a byte-level vocabulary is at least one byte, so the bytes of a text bound its
    tokens. Prompt and reply of an embedded model share its context, which bounds both exactly.
    """
    sent: list[JsonObject] = [*request.messages, *request.tools]
    if request.reply_schema is not None:
        sent.append(request.reply_schema)
    read = len(json.dumps(sent, ensure_ascii=False).encode("utf-8", "replace"))
    read += _AROUND + _PER_MESSAGE * len(request.messages)
    read += _AROUND_TOOLS if request.tools else 0
    read += _PER_ATTACHMENT * _attachments(request.messages)
    most = read + request.max_tokens
    return min(most, find_card(request.model).context) if _is_embedded(request) else most


def most_input_tokens(request: ModelRequest) -> int:
    """An upper bound of a call's input tokens."""
    return max(0, most_tokens(request) - (0 if _is_embedded(request) else request.max_tokens))


def _is_embedded(request: ModelRequest) -> bool:
    return provider_of(request.model) == EMBEDDED


def _attachments(messages: Sequence[JsonObject]) -> int:
    count = 0
    for message in messages:
        content: object = message.get("content")
        if isinstance(content, list):
            parts = cast("list[JsonObject]", content)
            count += sum(part.get("type") != "text" for part in parts)
    return count
