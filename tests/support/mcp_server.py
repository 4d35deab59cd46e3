"""A small real MCP server for tests: `python mcp_server.py` (stdio) or with a port (HTTP)."""

import os
import sys
import time

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("small", instructions="Does small things.", version="1.2")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two whole numbers."""
    return a + b


@server.tool()
def who() -> str:
    """The process the server runs in."""
    return str(os.getpid())


@server.tool()
def point(x: int) -> dict[str, int]:
    """A point."""
    return {"x": x, "y": 0}


@server.tool()
def picture() -> Image:
    """A picture."""
    return Image(data=b"\x89PNG secret bytes", format="png")


@server.tool()
def refuse(why: str) -> str:
    """Fails."""
    raise ToolError(why)


@server.tool()
def told(ctx: Context) -> str:
    """What the client sent along: a header, an environment variable."""
    return f"{(ctx.headers or {}).get('authorization')} {os.environ.get('GIVEN')}"


@server.tool()
def die() -> str:
    """Ends the server."""
    print("out of luck", os.environ.get("GIVEN"), file=sys.stderr, flush=True)
    os._exit(3)


@server.tool()
def hang() -> str:
    """Takes a minute."""
    time.sleep(60)
    return "late"


if len(sys.argv) > 1:
    server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
else:
    server.run()
