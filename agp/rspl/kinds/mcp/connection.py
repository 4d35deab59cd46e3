"""One connection to a server: opened, its tools listed, and closed so that no process is left."""

from __future__ import annotations

import asyncio
import importlib
import math
import os
import secrets
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from agp.errors import ServerError
from agp.processes import lay_out
from agp.processes.descendants import kill_marked
from agp.rspl.entities import JsonObject
from agp.rspl.kinds.actions import Action
from agp.rspl.kinds.mcp.declared import TIMEOUT_S
from agp.rspl.kinds.mcp.results import plain
from agp.rspl.kinds.mcp.variables import fill, redact

if TYPE_CHECKING:
    from mcp import Client

_MARK = "AGP_SERVER"
_MOST_PAGES = 100
_SHOWN_OF_STDERR = 1_000


@dataclass(frozen=True)
class Target:
    """What to connect to: who (for messages), how, and the files the server is started among."""

    name: str
    config: Mapping[str, Any]
    files: Mapping[str, str]

    @property
    def timeout_s(self) -> float:
        """Seconds that connecting may take, and that each call may take."""
        return self.config.get("timeout_s", TIMEOUT_S)


class Connection:
    """An open connection; ``actions`` are the server's tools by name, as it lists them now."""

    def __init__(self, target: Target, client: Client, log: IO[str]) -> None:
        self._target, self._client, self._log = target, client, log
        self.actions: dict[str, Action] = {}

    @property
    def about(self) -> tuple[str, str]:
        """The server's instructions, and its name with version; empty where it tells none."""
        info = self._client.server_info
        return (
            self._client.instructions or "",
            f"{info.name} {info.version}".strip() if info else "",
        )

    async def list_actions(self) -> None:
        """Ask for the server's tools."""
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._client.list_tools(cursor=cursor)
            for tool in page.tools:
                text = tool.description or tool.title or tool.name
                self.actions[tool.name] = Action(tool.name, text, tool.input_schema)
            cursor = page.next_cursor
            if not cursor:
                return
        raise ServerError(f"{self._target.name}: its list of tools has no end.")

    async def call(self, action: str, arguments: JsonObject) -> Any:
        """The plain result of a tool.

        Raises ValueError with what the server says is wrong with the call, ServerError where the
        server is gone or does not answer in time.
        """
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED, REQUEST_TIMEOUT

        try:
            async with asyncio.timeout(self._target.timeout_s):
                result = await self._client.call_tool(action, arguments)
        except TimeoutError as error:
            raise _too_slow(self._target, f"the call of {action!r}", self._log) from error
        except MCPError as error:
            if error.code in (CONNECTION_CLOSED, REQUEST_TIMEOUT):
                raise _failed(self._target, f"it broke off in {action!r}", self._log) from error
            raise ValueError(error.message) from error
        except Exception as error:
            what = f"{action!r} failed: {_cause(error)}"
            raise _failed(self._target, what, self._log) from error
        return plain(result)


@asynccontextmanager
async def connect(target: Target) -> AsyncGenerator[Connection]:
    """A connection to the server; opening it starts a process where it is one by command.

    Raises ServerError for a server that cannot be reached, does not answer in time, or whose
    variables are not set. Must be closed by the task that opened it (see `Opened`).
    """
    import anyio

    await asyncio.to_thread(importlib.import_module, "mcp")  # more than a second, the first time
    config = fill(dict(target.config), os.environ, target.name)
    mark = secrets.token_hex(16)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + target.timeout_s) as scope:
                async with AsyncExitStack() as stack:
                    client = await _client(target, config, mark, log, stack)
                    connection = Connection(target, client, log)
                    await connection.list_actions()
                    scope.deadline = math.inf  # only connecting is limited as a whole
                    yield connection
        except ServerError:
            raise
        except Exception as error:
            raise _failed(target, f"cannot connect: {_cause(error)}", log) from error
        finally:
            # The SDK ends the process it started; this ends what that one started, also where
            # cancellation cut the SDK's own ending short.
            kill_marked(f"{_MARK}={mark}")
        if scope.cancelled_caught:
            raise _too_slow(target, "connecting", log)


async def _client(
    target: Target, config: JsonObject, mark: str, log: IO[str], stack: AsyncExitStack
) -> Client:
    import httpx2
    from mcp import Client, StdioServerParameters, stdio_client
    from mcp.client.streamable_http import streamable_http_client

    if "url" in config:
        web = httpx2.AsyncClient(
            headers=config.get("headers"), timeout=httpx2.Timeout(target.timeout_s, read=None)
        )
        await stack.enter_async_context(web)
        transport = streamable_http_client(config["url"], http_client=web)
    else:
        env = {**config.get("env", {}), _MARK: mark}
        command = StdioServerParameters(
            command=os.path.expanduser(config["command"]),
            args=config.get("args", []),
            env=env,
            cwd=_folder(target, config, stack),
        )
        transport = stdio_client(command, errlog=log)  # pyright: ignore[reportArgumentType]
    return await stack.enter_async_context(Client(transport))


def _folder(target: Target, config: JsonObject, stack: AsyncExitStack) -> str | None:
    cwd = os.path.expanduser(config.get("cwd", ""))
    if not target.files:
        return cwd or None
    place = tempfile.TemporaryDirectory(prefix="agp-server-", ignore_cleanup_errors=True)
    folder = Path(stack.enter_context(place))
    lay_out(folder, target.files)
    return str(folder / cwd)


def _too_slow(target: Target, what: str, log: IO[str]) -> ServerError:
    hint = "Give it more time with the field timeout_s of its configuration."
    return _failed(target, f"no answer to {what} within {target.timeout_s:g} s", log, hint)


def _failed(target: Target, what: str, log: IO[str], hint: str | None = None) -> ServerError:
    """The error, with the end of what the server wrote to stderr and without secrets."""
    log.seek(max(0, log.seek(0, os.SEEK_END) - _SHOWN_OF_STDERR))
    said = log.read().strip()
    message = f"Server {target.name}: {what}." + (f" It wrote: {said}" if said else "")
    return ServerError(redact(message, target.config, os.environ), hint=hint)


def _cause(error: BaseException) -> str:
    """The first error in nested groups, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return f"{type(error).__name__}: {error}".replace("\n", " ")
