"""Messages in OpenAI form into the one text a model was trained on, by its own chat template."""

from __future__ import annotations

import importlib
import re
from typing import Any, cast

from agp.models.embedded.toolcalls import as_arguments
from agp.models.types import JsonObject

_CONTROL = re.compile(r"<\|(\w+)\|>")


class ChatTemplate:
    """The chat template that a GGUF file carries.

    Parameters: ``template`` is Jinja (rendered in a sandbox); ``eos`` and ``bos`` the text of the
    model's end and begin tokens.
    """

    def __init__(self, template: str, eos: str, bos: str) -> None:
        chat_format: Any = importlib.import_module("llama_cpp.llama_chat_format")
        self._formatter = chat_format.Jinja2ChatFormatter(
            template=template, eos_token=eos, bos_token=bos
        )

    def render(self, messages: list[JsonObject], tools: list[JsonObject]) -> str:
        """The prompt for ``messages`` with ``tools`` offered, ending where the reply begins."""
        plain = [plain_message(message) for message in messages]
        return str(self._formatter(messages=plain, tools=tools or None).prompt)


def plain_message(message: JsonObject) -> JsonObject:
    """One message as templates expect it: text content, tool arguments as objects.

    Control tokens written out in the content (``<|im_end|>``) are broken with spaces: text from a
    tool or a user must not be able to end its turn and speak as someone else.
    """
    plain: JsonObject = {**message, "content": _disarm(_text(message.get("content")))}
    calls: list[JsonObject] = message.get("tool_calls") or []
    if not calls:
        plain.pop("tool_calls", None)
        return plain
    plain["tool_calls"] = [{"type": "function", "function": _function(call)} for call in calls]
    return plain


def _function(call: JsonObject) -> JsonObject:
    function: JsonObject = call.get("function") or call
    given = function.get("arguments")
    arguments = as_arguments(given)
    return {"name": function.get("name"), "arguments": given if arguments is None else arguments}


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        parts = cast("list[JsonObject]", content)
        return "".join(str(part.get("text", "")) for part in parts)
    return str(content)


def _disarm(text: str) -> str:
    return _CONTROL.sub(r"<| \1 |>", text)
