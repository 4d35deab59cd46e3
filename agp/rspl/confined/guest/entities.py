"""``agp.rspl.entities`` as confined code sees it."""

# pyright: basic, reportMissingImports=false

from typing import Any

JsonObject = dict[str, Any]
