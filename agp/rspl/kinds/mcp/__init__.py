"""Tool servers of the Model Context Protocol, over stdio and streamable HTTP.

`declared.py` reads the ecosystem's `mcpServers` block into records, `variables.py` keeps secrets
out of them, `connection.py` is the only place that speaks to the SDK, `results.py` turns what a
server returns into plain data, and `server.py` is the live tool. The SDK is imported on the first
connection only.
"""

from agp.rspl.kinds.mcp.declared import MANIFEST, server_record, server_records
from agp.rspl.kinds.mcp.server import build_server, with_actions

__all__ = ["MANIFEST", "build_server", "server_record", "server_records", "with_actions"]
