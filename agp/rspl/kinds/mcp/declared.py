"""From an `mcpServers` block, as other programs read it too, to records."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from agp.errors import InputError, ResourceError
from agp.rspl.entities import EntityType, Implementation, JsonObject, Record, check_name
from agp.rspl.kinds.base import COMMON, Folder, take
from agp.rspl.kinds.mcp.variables import refuse_literal_secrets

MANIFEST = "mcp.json"
TIMEOUT_S = 30.0

_ANY: JsonObject = {"type": "", "timeout_s": TIMEOUT_S, "description": "", "disabled": False}
_STDIO: JsonObject = {**_ANY, "command": "", "args": [], "env": {}, "cwd": ""}
_HTTP: JsonObject = {**_ANY, "url": "", "headers": {}}
_TYPES = {"stdio": ("", "stdio"), "http": ("", "http", "streamable-http", "streamableHttp")}
_NOT_KEPT = ("description", "disabled")


def server_records(text: str, where: str) -> list[Record]:
    """A record for each enabled server of the block. Raises ResourceError (line or field)."""
    servers = _servers(text, where)
    return [
        _record(name, config, f"{where}: server {name!r}", {})
        for name, config in servers.items()
        if not config.get("disabled")
    ]


def server_record(folder: Folder) -> Record:
    """The record of a folder with an `mcp.json` of one server, which is called like the folder.

    The other files of the folder go into the record: a server that they hold is versioned.
    """
    place = f"{folder.where.removesuffix('/TOOL.md')}/{MANIFEST}"
    servers = _servers(folder.files[MANIFEST], place)
    if list(servers) != [folder.name]:
        raise ResourceError(
            f"{place}: it must hold one server, called {folder.name!r} like its folder.",
            hint="Several servers go into tools/mcp.json.",
        )
    files = {k: v for k, v in folder.files.items() if k not in (MANIFEST, "TOOL.md")}
    record = _record(folder.name, servers[folder.name], place, files)
    front = take(folder.front, COMMON, folder.where)
    changed = {
        "description": front["description"] or record.description,
        "evolvable": front["evolvable"],
        "metadata": {"tags": front["tags"]} if front["tags"] else {},
    }
    return Record.model_validate({**record.body(), **changed})


def check_config(config: Mapping[str, Any], where: str) -> str:
    """Check a server's configuration; return its transport, ``stdio`` or ``http``.

    Raises ResourceError naming the field.
    """
    if ("command" in config) == ("url" in config):
        raise ResourceError(f"{where}: it needs either a field 'command' or a field 'url'.")
    transport = "stdio" if "command" in config else "http"
    checked = take(dict(config), _STDIO if transport == "stdio" else _HTTP, where)
    if checked["type"] not in _TYPES[transport]:
        raise ResourceError(
            f"{where}: field 'type' cannot be {checked['type']!r} here.",
            hint="agp speaks to servers by command (stdio) and by url (streamable HTTP).",
        )
    if not 0 < checked["timeout_s"] < math.inf:
        raise ResourceError(f"{where}: field 'timeout_s' must be above 0 (seconds).")
    try:
        _check_texts(checked, where)
        refuse_literal_secrets(checked, where)
    except ValueError as error:  # of urlsplit
        raise ResourceError(f"{where}: field 'url' is no address: {error}.") from error
    return transport


def _record(name: str, config: JsonObject, where: str, files: dict[str, str]) -> Record:
    try:
        check_name(name)
    except InputError as error:
        raise ResourceError(f"{where}: {error.message}", hint=error.hint) from error
    config = {key: value for key, value in config.items() if value is not None}
    transport = check_config(config, where)
    cwd = config.get("cwd", "")
    if cwd and not files and not cwd.startswith(("/", "~", "${")):
        raise ResourceError(
            f"{where}: field 'cwd' must be an absolute path, not {cwd!r}.",
            hint="Or put the server's files beside its own tools/NAME/mcp.json.",
        )
    kept = files if transport == "stdio" else {}
    return Record(
        type=EntityType.TOOL,
        name=name,
        description=config.get("description", ""),
        implementation=Implementation(kind="mcp", entry=transport, files=kept),
        params={key: value for key, value in config.items() if key not in _NOT_KEPT},
    )


def _servers(text: str, where: str) -> dict[str, JsonObject]:
    try:
        block = json.loads(text)
    except json.JSONDecodeError as error:
        raise ResourceError(f"{where}, line {error.lineno}: not JSON: {error.msg}.") from error
    servers: object = block.get("mcpServers") if isinstance(block, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(servers, dict):
        raise ResourceError(
            f"{where}: it must be an object with a field 'mcpServers'.",
            hint='For example: {"mcpServers": {"time": {"command": "mcp-server-time"}}}',
        )
    for name, config in cast("dict[str, object]", servers).items():
        if not isinstance(config, dict):
            raise ResourceError(f"{where}: server {name!r} must be an object.")
    return cast("dict[str, JsonObject]", servers)


def _check_texts(checked: JsonObject, where: str) -> None:
    needed = "command" if "command" in checked else "url"
    if not checked[needed].strip():
        raise ResourceError(f"{where}: field {needed!r} is empty.")
    if needed == "url" and "${" not in checked["url"]:
        url = urlsplit(str(checked["url"]))
        if url.scheme not in ("http", "https") or not url.netloc:
            raise ResourceError(f"{where}: field 'url' must begin with http:// or https://.")
    for field in ("args", "env", "headers"):
        values = checked.get(field, {})
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType, reportUnknownVariableType]
            if not isinstance(value, str):
                raise ResourceError(f"{where}: field {field}.{key} must be text, not {value!r}.")
