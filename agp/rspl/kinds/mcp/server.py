"""A server as a live tool: a connection for each use, or one for a whole task."""

from __future__ import annotations

import json
from typing import Any

from agp.errors import ServerError
from agp.in_sync import in_sync
from agp.rspl.entities import JsonObject, Record
from agp.rspl.files import check_file_names
from agp.rspl.kinds.actions import Action, Context, actions_of_schema, chosen, schema_of_actions
from agp.rspl.kinds.mcp.connection import Connection, Target, connect
from agp.rspl.kinds.mcp.declared import check_config
from agp.rspl.kinds.opened import Opened

_MOST_DESCRIPTION = 1_024
_LARGEST_SCHEMA = 1_000_000
_REFRESH = "Take its present tools as a new version by refreshing the tool."


class Server:
    """A live tool server: nothing is connected until it is called.

    Parameters: ``target`` what to connect to; ``actions`` the tools its record knows; ``key``
    tells it from other servers.
    """

    def __init__(self, target: Target, actions: list[Action], key: str) -> None:
        self.target = target
        self.actions = {action.name: action for action in actions}
        self.key = key

    async def __call__(self, given: JsonObject, context: Context) -> Any:
        """Call one of the server's tools, over the connection that is open, if one is.

        Raises ValueError for a wrong call, ServerError for a server that fails or that has
        other tools now than the record says.
        """
        if not self.actions:
            raise ServerError(f"Server {self.target.name}: its tools are unknown.", hint=_REFRESH)
        action, arguments = chosen(given, self.actions)
        held = context.get(Opened)
        if held is not None:
            return await self._call(held, action, arguments)
        async with Opened() as own:
            return await self._call(own, action, arguments)

    async def _call(self, opened: Opened, action: str, arguments: JsonObject) -> Any:
        connection: Connection = await opened.get(self.key, lambda: connect(self.target))
        self._check_unchanged(action, connection)
        try:
            return await connection.call(action, arguments)
        except ServerError:
            opened.forget(self.key)  # the next call starts afresh
            raise

    def _check_unchanged(self, action: str, connection: Connection) -> None:
        now = connection.actions.get(action)
        if now is None:
            raise ServerError(
                f"Server {self.target.name}: it no longer offers {action!r}; "
                f"it offers: {', '.join(sorted(connection.actions)) or 'nothing'}.",
                hint=_REFRESH,
            )
        if now.parameters != self.actions[action].parameters:
            raise ServerError(
                f"Server {self.target.name}: the parameters of {action!r} are not those of this "
                "version any more.",
                hint=_REFRESH,
            )


def build_server(record: Record) -> Server:
    """The live server of a record. Raises ResourceError for a malformed configuration."""
    check_config(record.params, str(record.id))
    check_file_names(record.implementation.files, str(record.id))
    target = Target(record.name, record.params, record.implementation.files)
    return Server(target, actions_of_schema(record.input_schema, str(record.id)), record.digest)


def with_actions(record: Record) -> Record:
    """The record with the server's present tools; connects to ask for them. Raises ServerError."""
    server = build_server(record)
    actions, (instructions, version) = in_sync(_asked(server))
    if not actions:
        raise ServerError(f"Server {record.name}: it offers no tools.")
    # In the order of names, so that asking again gives the same version.
    schema = schema_of_actions(sorted(actions, key=lambda action: action.name))
    if len(json.dumps(schema)) > _LARGEST_SCHEMA:
        raise ServerError(f"Server {record.name}: its tools' descriptions exceed 1 MB.")
    told = instructions[:_MOST_DESCRIPTION] or f"Tools of the server {record.name}."
    changed = {
        "description": record.description or told,
        "input_schema": schema,
        "metadata": {**record.metadata, **({"server": version} if version else {})},
    }
    return Record.model_validate({**record.body(), **changed})


async def _asked(server: Server) -> tuple[list[Action], tuple[str, str]]:
    async with Opened() as opened:
        connection: Connection = await opened.get("", lambda: connect(server.target))
        return list(connection.actions.values()), connection.about
