"""What a server's tool returns, as plain data: text first, structure where there is no text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp.types import CallToolResult, ContentBlock


def plain(result: CallToolResult) -> Any:
    """The result as text or JSON data. Raises ValueError with the server's words for an error.

    Structured content is added to the text only where the text does not say the same already.
    What is neither (images, sounds, binary files) is named, not handed on.
    """
    text = "\n".join(map(_told, result.content))
    if result.is_error:
        raise ValueError(text or "the server reports an error and does not say which")
    structured = result.structured_content
    if structured is None:
        return text
    if not text:
        return structured
    if _says(text, structured):
        return text
    return f"{text}\n{json.dumps(structured, ensure_ascii=False)}"


def _says(text: str, structured: Any) -> bool:
    try:
        parsed: Any = json.loads(text)
    except ValueError:
        parsed = text
    wrapped = [{"result": text}, {"result": parsed}, {"result": text.split("\n")}]
    return structured == parsed or structured in wrapped


def _told(block: ContentBlock) -> str:
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            size = len(block.data) * 3 // 4
            return f"[{block.type}, {block.mime_type}, about {size:,} bytes: not shown]"
        case "resource_link":
            return f"[resource {block.name}: {block.uri}]"
        case "resource":
            text = getattr(block.resource, "text", None)
            return text if text is not None else f"[binary file {block.resource.uri}: not shown]"
